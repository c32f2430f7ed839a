-- Marked blobs whose turn it is, of all tenants: the mark is of before $1, and the blob was last used before $2, or was used
-- after it was marked. Bytes without a row: the mark is of before $2. $3 how many at most. Reads only.
select marks.tenant_id, marks.blob_id, marks.marked_at >= coalesce(blobs.used_at, '-infinity') as is_current
from (
  select tenant_id, blob_id, max(created_at) as marked_at
  from blob_marks
  group by tenant_id, blob_id
) as marks
left join blobs on blobs.tenant_id = marks.tenant_id and blobs.id = marks.blob_id
where marks.marked_at < $1
  and (coalesce(blobs.used_at, marks.marked_at) < $2 or blobs.used_at > marks.marked_at)
order by marks.tenant_id, marks.blob_id
limit $3
