-- Ends the config of a feedback key; the feedback stays. $1 tenant, $2 key, $3 now. A repeat finds nothing.
update feedback_configs set deleted_at = $3 where tenant_id = $1 and key = $2 and deleted_at is null returning key
