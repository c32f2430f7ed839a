-- Takes the marks of one experiment, before its aggregates are recomputed in the same transaction.
-- $1 tenant, $2 experiment. A repeat deletes nothing.
delete from experiment_dirty_marks where tenant_id = $1 and experiment_id = $2 returning id
