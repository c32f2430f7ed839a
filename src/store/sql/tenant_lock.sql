-- Lets one dataset or experiment at a time be created in a tenant: names, ids and creation times are chosen from what is
-- there. Ingestion goes on meanwhile. $1 tenant. A repeat locks the same row again.
select id from tenants where id = $1 for no key update
