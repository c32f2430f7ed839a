-- Which of these ids an experiment has or had. $1 tenant, $2 uuid[] ids. Reads only.
select id from experiments where tenant_id = $1 and id = any ($2::uuid[])
union
select id from tombstones where tenant_id = $1 and kind = 'experiment' and id = any ($2::uuid[])
