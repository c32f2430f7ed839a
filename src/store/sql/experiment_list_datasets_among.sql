-- Which of some experiments exist, with the dataset that each is on. $1 tenant, $2 uuid[] experiments. Reads only.
select id, dataset_id from experiments where tenant_id = $1 and id = any ($2::uuid[])
