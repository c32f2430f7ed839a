-- Which of these experiments have a mark, or no aggregates yet. $1 tenant, $2 uuid[] experiments. Reads only.
select asked.id
from unnest($2::uuid[]) as asked (id)
where exists (
    select from experiment_dirty_marks as mark where mark.tenant_id = $1 and mark.experiment_id = asked.id
  )
  or not exists (
    select from experiment_aggregates as aggregate
    where aggregate.tenant_id = $1 and aggregate.experiment_id = asked.id
  )
