-- Takes the marks of a blob away that are of before $3. $1 tenant, $2 blob. A repeat deletes nothing.
delete from blob_marks where tenant_id = $1 and blob_id = $2 and created_at < $3
