-- Records what a client tells of its upload. $1 tenant, $2 id, $3 when, $4 HTTP status, $5 error, $6 milliseconds, $7 now.
-- A repeat overwrites. Returns no row for an unknown id.
update media
set uploaded_at = $3, upload_http_status = $4, upload_http_error = $5, upload_time_ms = $6, updated_at = $7
where tenant_id = $1 and id = $2
returning id
