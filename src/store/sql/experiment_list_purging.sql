-- Deleted experiments whose rows may still be there. $1 tenant. Reads only.
select id, keeps_scores from tombstones where tenant_id = $1 and kind = 'experiment' and purged_at is null
