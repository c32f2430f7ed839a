-- name: feedback_count_compared
-- Counts the feedback of runs per key: what was given to the run itself, or to its trace and to no run. Feedback of a
-- comparison counts only when that comparison is asked for. $1 tenant, $2 uuid[] runs, $3 uuid[] their traces (same
-- length, no run twice), $4 comparative experiment or null. Reads only.
-- The reader builds the JSON objects, because JSON aggregates take 25 us per run here.
select target.run_id, point.key, count(*) as n,
  -- The values are numeric, so the sum does not depend on the order of rows.
  (sum(point.score_number::text::numeric) / nullif(count(point.score_number), 0))::double precision as avg,
  array_agg(point.value_text) filter (where point.value_text is not null) as labels
from unnest($2::uuid[], $3::uuid[]) as target (run_id, trace_id)
cross join lateral runmill_feedback_of($1, target.run_id, target.trace_id) as point
where point.key is not null
  and (point.comparative_experiment_id is null or point.comparative_experiment_id = $4)
group by target.run_id, point.key
order by target.run_id, point.key collate "C";

-- name: feedback_count_of_runs
-- Statistics of the feedback of each of these runs: what was given to the run itself, and to the trace of which it is
-- the root and to no run. $1 tenant, $2 uuid[] runs, $3 uuid[] their traces (same length), null for a run that is not a
-- root. Reads only.
select target.run_id, runmill_feedback_stats(
    array_agg((point.key, point.score_number, point.value_text)::runmill_feedback_point)
  ) as stats
from unnest($2::uuid[], $3::uuid[]) as target (run_id, trace_id)
cross join lateral runmill_feedback_of($1, target.run_id, target.trace_id) as point
where point.comparative_experiment_id is null
group by target.run_id;

-- name: feedback_delete
-- Deletes feedback, leaves a tombstone, and marks the trace that it counted in. $1 tenant, $2 feedback, $3 now. A repeat finds nothing and changes nothing.
with gone as (
  delete from feedback where tenant_id = $1 and id = $2 returning id, experiment_id, run_id, trace_id
),
buried as (
  insert into tombstones (tenant_id, kind, id, deleted_at, purged_at)
  select $1, 'feedback', id, $3, $3 from gone
  on conflict (tenant_id, kind, id) do update set deleted_at = excluded.deleted_at
),
marked as (
  insert into dirty_traces (tenant_id, trace_ids)
  select $1, array[coalesce(trace_id, run_id, id)] from gone
)
select id from gone;

-- name: feedback_insert_missing
-- Inserts an empty row for feedback that has none. It waits for any transaction that is writing the same feedback.
-- $1 tenant, $2 feedback. A repeat changes nothing.
insert into feedback (tenant_id, id, v, m) values ($1, $2, 0, 0) on conflict (tenant_id, id) do nothing;

-- name: feedback_list_compared_keys
-- Lists the feedback keys, sorted, of the runs that some experiments show. $1 tenant, $2 uuid[] experiments,
-- $3 comparative experiment or null. Reads only.
-- It does not read shown_runs: the runs themselves are not needed, and looking them up would take half as long again.
select link.experiment_id, array_agg(distinct feedback.key collate "C") as keys
from linked_runs as link
cross join lateral runmill_feedback_of($1, coalesce(link.run_id, link.trace_id), link.trace_id) as feedback
where link.tenant_id = $1 and link.experiment_id = any($2::uuid[]) and feedback.key is not null
  and (feedback.comparative_experiment_id is null or feedback.comparative_experiment_id = $3)
group by link.experiment_id;
