-- Tells that a stored content was given again, and returns its row. $1 tenant, $2 blob, $3 now. A repeat sets the time
-- again. Waits for a delete of the content that is under way; then there is no row.
update blobs set used_at = greatest(used_at, $3)
where tenant_id = $1 and id = $2
returning id
