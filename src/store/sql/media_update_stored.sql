-- Records that the bytes are stored. $1 tenant, $2 id, $3 bytes, $4 now. A repeat keeps the first time.
update media
set content_length = $3, uploaded_at = coalesce(uploaded_at, $4), updated_at = $4
where tenant_id = $1 and id = $2
