-- Ends the current versions of these examples of one dataset. $1 tenant, $2 dataset, $3 valid_to, $4 uuid[] ids.
-- Returns the ids that had one; a repeat ends nothing.
update examples set valid_to = $3
where tenant_id = $1 and dataset_id = $2 and id = any($4::uuid[]) and valid_to = 'infinity'
returning id
