-- Statistics of the feedback that comparisons gathered, by comparison; one without any has no row. $1 tenant, $2 uuid[]
-- comparisons. Reads only.
select comparative_experiment_id as id,
  runmill_feedback_stats(array_agg((key, score_number, value_text)::runmill_feedback_point)) as feedback_stats
from feedback
where tenant_id = $1 and comparative_experiment_id = any ($2::uuid[]) and key is not null
group by comparative_experiment_id
