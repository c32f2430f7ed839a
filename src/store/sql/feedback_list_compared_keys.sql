-- Feedback keys, sorted, of the runs that some experiments show. $1 tenant, $2 uuid[] experiments, $3 comparative
-- experiment or null. Reads only.
select item.experiment_id, array_agg(distinct feedback.key collate "C") as keys
from run_items as item
left join lateral (
  select traces.root_run_id from traces where traces.tenant_id = $1 and traces.id = item.trace_id limit 1
) as trace on true
cross join lateral (
  select feedback.key, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.run_id = coalesce(item.run_id, trace.root_run_id, item.trace_id)
  union all
  select feedback.key, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.trace_id = item.trace_id and feedback.run_id is null
) as feedback
where item.tenant_id = $1 and item.experiment_id = any($2::uuid[]) and feedback.key is not null
  and (feedback.comparative_experiment_id is null or feedback.comparative_experiment_id = $3)
group by item.experiment_id
