-- Feedback of runs per key: what was given to the run itself, or to its trace and no run. Comparative feedback counts
-- only for the comparison that is asked for. $1 tenant, $2 uuid[] runs, $3 uuid[] their traces (same length, no run
-- twice), $4 comparative experiment or null. Reads only.
-- Objects of it are made by the reader: json aggregates take 25 us per run here.
select target.run_id, point.key, count(*) as n,
  -- numeric: the sum does not depend on the order of rows.
  (sum(point.score_number::text::numeric) / nullif(count(point.score_number), 0))::double precision as avg,
  array_agg(point.value_text) filter (where point.value_text is not null) as labels
from unnest($2::uuid[], $3::uuid[]) as target (run_id, trace_id)
cross join lateral (
  select feedback.key, feedback.value_text, feedback.score_number, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.run_id = target.run_id
  union all
  select feedback.key, feedback.value_text, feedback.score_number, feedback.comparative_experiment_id
  from feedback
  where feedback.tenant_id = $1 and feedback.trace_id = target.trace_id and feedback.run_id is null
) as point
where point.key is not null
  and (point.comparative_experiment_id is null or point.comparative_experiment_id = $4)
group by target.run_id, point.key
order by target.run_id, point.key collate "C"
