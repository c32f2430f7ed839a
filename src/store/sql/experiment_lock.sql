-- Serialises the refreshes of one experiment, and tells whether it still exists. $1 tenant, $2 experiment.
-- A repeat locks the same row again.
select id from experiments where tenant_id = $1 and id = $2 for no key update
