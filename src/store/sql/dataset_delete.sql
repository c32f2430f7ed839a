-- Removes a dataset with all versions of its examples. $1 tenant, $2 id. A repeat deletes nothing and returns no row.
delete from datasets where tenant_id = $1 and id = $2 returning id
