-- Marks one blob. $1 tenant, $2 blob, $3 now. A repeat marks it again.
insert into blob_marks (tenant_id, blob_id, created_at)
values ($1, $2, $3)
