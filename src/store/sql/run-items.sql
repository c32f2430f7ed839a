-- name: run_item_count
-- Counts the run items of an experiment. $1 tenant, $2 experiment. Reads only.
select count(*) as count from run_items where tenant_id = $1 and experiment_id = $2;
