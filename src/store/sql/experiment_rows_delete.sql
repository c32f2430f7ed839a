-- Purges what else belongs to a deleted experiment: run items, feedback, traces without runs, aggregates, marks.
-- $1 tenant, $2 experiment. A repeat deletes nothing.
with items as (
  delete from run_items where tenant_id = $1 and experiment_id = $2
),
scores as (
  delete from feedback where tenant_id = $1 and experiment_id = $2
),
empty_traces as (
  delete from traces where tenant_id = $1 and experiment_id = $2
),
aggregates as (
  delete from experiment_aggregates where tenant_id = $1 and experiment_id = $2
)
delete from experiment_dirty_marks where tenant_id = $1 and experiment_id = $2
