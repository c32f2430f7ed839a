-- Purges what else belongs to a deleted experiment: run items, feedback (that on the experiment itself only if its
-- tombstone does not keep it), traces without runs, aggregates, marks. $1 tenant, $2 experiment. A repeat deletes nothing.
with items as (
  delete from run_items where tenant_id = $1 and experiment_id = $2
),
scores as (
  delete from feedback
  where tenant_id = $1 and experiment_id = $2
    and (run_id is not null or trace_id is not null or not exists (
      select from tombstones where tenant_id = $1 and kind = 'experiment' and id = $2 and keeps_scores
    ))
),
empty_traces as (
  delete from traces where tenant_id = $1 and experiment_id = $2
),
aggregates as (
  delete from experiment_aggregates where tenant_id = $1 and experiment_id = $2
)
delete from experiment_dirty_marks where tenant_id = $1 and experiment_id = $2
