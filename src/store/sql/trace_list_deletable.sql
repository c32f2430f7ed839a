-- Which of these traces a deletion within an experiment means: those with a run in it, and those of which nothing has
-- arrived yet. $1 tenant, $2 uuid[] traces, $3 experiment or null for any. Reads only.
select asked.id
from unnest($2::uuid[]) as asked (id)
where $3::uuid is null
  or exists (
    select from runs where runs.tenant_id = $1 and runs.trace_id = asked.id and runs.experiment_id = $3
  )
  or not exists (select from runs where runs.tenant_id = $1 and runs.trace_id = asked.id)
order by asked.id
