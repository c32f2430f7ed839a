-- compatible
-- Langfuse deletes a run and keeps the scores on it. False: what is on a deleted experiment is deleted with it.
alter table tombstones add column keeps_scores boolean not null default false;
