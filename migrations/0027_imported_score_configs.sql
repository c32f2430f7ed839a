-- compatible
-- The id that a score config has on the server from which it was imported, where that is no UUID.
alter table score_configs add column external_id text;
