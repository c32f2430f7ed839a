-- Which of these experiments exist. $1 tenant, $2 uuid[] ids. Reads only.
select id from experiments where tenant_id = $1 and id = any ($2::uuid[])
