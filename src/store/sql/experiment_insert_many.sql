-- Makes experiments. Creation times grow strictly within the tenant, at whole milliseconds, because Langfuse sorts by them;
-- a time that a client gave is kept, and one more than a minute ahead does not drag the later ones along. Run it under tenant_lock.
-- $1 tenant, $2 now; then arrays of the same length: $3 ids, $4 datasets, $5 names, $6 name scopes, $7 descriptions,
-- $8 metadata, $9 extra, $10 trace tiers, $11 default datasets, $12 start times (null: the creation time), $13 end times,
-- $14 creation times (null: next). A repeat inserts nothing and returns no row.
insert into experiments (
  tenant_id, id, dataset_id, name, name_scope, description, metadata, extra, trace_tier, default_dataset_id,
  start_time, end_time, created_at, updated_at
)
select $1, given.id, given.dataset_id, given.name, given.name_scope, given.description,
  coalesce(given.metadata::jsonb, '{}'), given.extra::json, given.trace_tier, given.default_dataset_id,
  coalesce(given.start_time, made.at), given.end_time, made.at, made.at
from unnest(
  $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[],
  $12::timestamptz[], $13::timestamptz[], $14::timestamptz[]
) with ordinality as given (
  id, dataset_id, name, name_scope, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, position
)
cross join (
  select greatest(
    date_trunc('milliseconds', $2::timestamptz),
    date_trunc('milliseconds', max(created_at)) + interval '1 millisecond'
  ) as at
  from experiments
  where tenant_id = $1 and created_at < $2::timestamptz + interval '1 minute'
) as next
cross join lateral (
  select coalesce(
    date_trunc('milliseconds', given.created_at), next.at + (given.position - 1) * interval '1 millisecond'
  ) as at
) as made
on conflict do nothing
returning id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
