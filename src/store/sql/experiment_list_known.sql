-- Which of these experiments exist or existed, with the dataset that each is or was on. $1 tenant, $2 uuid[] ids. Reads only.
select id, dataset_id from experiments where tenant_id = $1 and id = any ($2::uuid[])
union all
select id, dataset_id from tombstones where tenant_id = $1 and kind = 'experiment' and id = any ($2::uuid[])
