-- compatible
-- Runs by the user that they name themselves. Most name none: their trace does. Entries of the same user share their key.
create index runs_user on runs (tenant_id, (left(user_id, 200))) where user_id is not null;
