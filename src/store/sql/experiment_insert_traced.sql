-- Makes plain experiments under ids that clients chose; each name is unique within itself alone, so two may share one.
-- Creation times grow strictly within the tenant, at whole milliseconds. Run it under tenant_lock. A deleted one stays
-- deleted, and one that exists stays as it is. $1 tenant, $2 now; then arrays of the same length: $3 ids, $4 external ids,
-- $5 names, $6 descriptions, $7 metadata. A repeat inserts nothing.
insert into experiments (
  tenant_id, id, external_id, name, name_scope, description, metadata, start_time, created_at, updated_at
)
select $1, given.id, given.external_id, given.name, given.id, given.description, coalesce(given.metadata::jsonb, '{}'),
  made.at, made.at, made.at
from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) with ordinality as given (
  id, external_id, name, description, metadata, position
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
  select next.at + (given.position - 1) * interval '1 millisecond' as at
) as made
where not exists (
  select from tombstones
  where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.id = given.id
)
on conflict do nothing
