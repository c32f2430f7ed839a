-- The datasets that these examples are or were in, with the ids of each. $1 tenant, $2 uuid[] examples. Reads only.
select dataset_id, array_agg(distinct id order by id) as ids
from examples
where tenant_id = $1 and id = any($2::uuid[])
group by dataset_id
order by dataset_id
