-- How often an experiment of each of these (dataset, name) pairs was deleted, in the order asked.
-- $1 tenant, $2 uuid[] datasets or nulls, $3 text[] names (same length). Reads only.
select (
  select count(*) from tombstones
  where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.name = asked.name
    and (tombstones.dataset_id = asked.dataset_id or (tombstones.dataset_id is null and asked.dataset_id is null))
)::integer as deletions
from unnest($2::uuid[], $3::text[]) with ordinality as asked (dataset_id, name, position)
order by asked.position
