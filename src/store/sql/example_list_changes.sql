-- Examples of a dataset that are not the same at two times, by id; archived ones count as deleted. $1 tenant,
-- $2 dataset, $3 the time before, $4 the time after. Reads only.
with before as (
  select id, valid_from from examples
  where tenant_id = $1 and dataset_id = $2 and valid_from <= $3 and $3 < valid_to and not archived
), after as (
  select id, valid_from from examples
  where tenant_id = $1 and dataset_id = $2 and valid_from <= $4 and $4 < valid_to and not archived
)
select coalesce(before.id, after.id) as id,
  case when before.id is null then 'added' when after.id is null then 'removed' else 'modified' end as change
from before
full join after on after.id = before.id
where before.valid_from is distinct from after.valid_from
order by 1
