-- Statistics of the feedback that was given to each of these runs itself. $1 tenant, $2 uuid[] runs. Reads only.
select feedback.run_id, runmill_feedback_stats(
    array_agg((feedback.key, feedback.score_number, feedback.value_text)::runmill_feedback_point)
  ) as stats
from feedback
where feedback.tenant_id = $1 and feedback.run_id = any ($2::uuid[]) and feedback.comparative_experiment_id is null
group by feedback.run_id
