-- Statistics of the feedback of each of these runs: what was given to the run itself, and to the trace that it is the
-- root of and no run. $1 tenant, $2 uuid[] runs, $3 uuid[] their traces (same length), null for a run that is no root.
-- Reads only.
select target.run_id, runmill_feedback_stats(
    array_agg((point.key, point.score_number, point.value_text)::runmill_feedback_point)
  ) as stats
from unnest($2::uuid[], $3::uuid[]) as target (run_id, trace_id)
cross join lateral (
  select feedback.key, feedback.score_number, feedback.value_text, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.run_id = target.run_id
  union all
  select feedback.key, feedback.score_number, feedback.value_text, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.trace_id = target.trace_id and feedback.run_id is null
) as point
where point.comparative_experiment_id is null
group by target.run_id
