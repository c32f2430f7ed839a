-- The token under which a thing is shared. $1 tenant, $2 kind, $3 id. Reads only.
select token from shares where tenant_id = $1 and kind = $2 and id = $3
