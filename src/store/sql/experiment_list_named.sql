-- The experiments that each of these (dataset, name) pairs means, at most one per pair. With a dataset: the one made by
-- name inside it, else one that was made with a tenant-wide name and refers to it. Without a dataset: the tenant-wide name,
-- else, when $4, the newest of that name in any dataset.
-- $1 tenant, $2 uuid[] datasets or nulls, $3 text[] names (same length), $4 boolean. Reads only.
select found.*
from unnest($2::uuid[], $3::text[]) as asked (dataset_id, name)
cross join lateral (
  select id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
  from experiments
  where experiments.tenant_id = $1 and experiments.name = asked.name
    and (
      experiments.dataset_id is not distinct from asked.dataset_id
      or (asked.dataset_id is null and (experiments.name_scope = '00000000-0000-0000-0000-000000000000' or $4::boolean))
    )
  order by (experiments.name_scope = '00000000-0000-0000-0000-000000000000') = (asked.dataset_id is null) desc,
    experiments.created_at desc, experiments.id
  limit 1
) as found
