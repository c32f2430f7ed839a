-- Ends the sharing of a thing: its token is good for nothing from now on. $1 tenant, $2 kind, $3 id.
-- A repeat deletes nothing.
delete from shares where tenant_id = $1 and kind = $2 and id = $3
