-- compatible
-- True: the config sets the rules of its key, and feedback that breaks them is refused.
alter table feedback_configs add column is_enforced boolean not null default false;

-- The id of a link works as its token, and whoever uses a token names no tenant.
create index feedback_tokens_id on feedback_tokens (id);

-- True: the token of a dataset shows its experiments too. Datasets that were shared before there was such a choice keep
-- theirs to themselves.
alter table shares add column has_experiments boolean not null default false;
