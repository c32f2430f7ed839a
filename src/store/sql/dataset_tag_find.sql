-- The version that a tag of a dataset names. $1 tenant, $2 dataset, $3 tag. Reads only.
select as_of from dataset_tags where tenant_id = $1 and dataset_id = $2 and tag = $3
