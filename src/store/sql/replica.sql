-- name: primary_position_find
-- Finds the place in the log, in bytes, up to which a replica has to be to show all that was committed before.
-- Reads only.
select pg_wal_lsn_diff(
  -- Where commits do not wait for the disk they are seen before they are there.
  case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end,
  '0/0'
)::text as position;

-- name: replica_position_find
-- Finds the place in the log, in bytes, that a replica shows; null for a server that is no replica.
-- Reads only.
select pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end, '0/0')::text as position;

-- name: server_identify
-- Identifies the data of a server, which is the same for a primary and its replicas.
-- Reads only.
select system_identifier::text as id, pg_is_in_recovery() as is_replica from pg_control_system();
