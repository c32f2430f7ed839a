-- How many experiments there are on a dataset. $1 tenant, $2 dataset. Reads only.
select count(*) as count from experiments where tenant_id = $1 and dataset_id = $2
