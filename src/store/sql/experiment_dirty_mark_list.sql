-- Experiments with a mark. $1 how many at most. Reads only.
select distinct tenant_id, experiment_id from experiment_dirty_marks order by tenant_id, experiment_id limit $1
