-- name: blob_find
-- Finds one stored blob. $1 tenant, $2 blob. Reads only.
select id, size, encode(sha256, 'hex') as sha256, created_at
from blobs
where tenant_id = $1 and id = $2;

-- name: blob_list_among
-- Reads stored blobs by id. $1 tenant, $2 uuid[] ids. Reads only.
select id, size, encode(sha256, 'hex') as sha256, created_at
from blobs
where tenant_id = $1 and id = any ($2::uuid[]);

-- name: blob_insert
-- Records a blob whose bytes are stored. $1 tenant, $2 blob, $3 size in bytes, $4 SHA-256, $5 now.
-- A repeat sets the time of use again. Waits for a running delete of the same blob.
insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
values ($1, $2, $3, $4, $5, $5)
on conflict (tenant_id, id) do update set used_at = greatest(blobs.used_at, excluded.used_at);

-- name: blob_insert_missing
-- Inserts a row for a blob that has none, which makes anyone who stores the blob wait until this transaction ends.
-- $1 tenant, $2 blob. The row looks as if the blob had never been used. A repeat changes nothing.
insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
values ($1, $2, 0, '', '-infinity', '-infinity')
on conflict (tenant_id, id) do nothing;

-- name: blob_list_of_tenant
-- Lists blobs of a tenant by their ids, those without a row too. $1 tenant, $2 the last one of the page before, or null,
-- $3 the most rows. Reads only.
select id from blobs where tenant_id = $1 and ($2::uuid is null or id > $2)
union
select blob_id from blob_marks where tenant_id = $1 and ($2::uuid is null or blob_id > $2)
order by id
limit $3;

-- name: blob_list_unused
-- The next blobs of a tenant that were not used since a time. $1 tenant, $2 the blob before, $3 the time, $4 the most rows.
-- Reads only.
select id from blobs where tenant_id = $1 and id > $2 and used_at < $3 order by id limit $4;

-- name: blob_mark_delete
-- Deletes the marks of a blob that were made before $3. $1 tenant, $2 blob. A repeat deletes nothing.
delete from blob_marks where tenant_id = $1 and blob_id = $2 and created_at < $3;

-- name: blob_mark_delete_of_blob
-- Deletes all marks of a blob. $1 tenant, $2 blob. A repeat deletes nothing.
delete from blob_marks where tenant_id = $1 and blob_id = $2;

-- name: blob_mark_insert
-- Marks one blob. $1 tenant, $2 blob, $3 now. A repeat marks it again.
insert into blob_marks (tenant_id, blob_id, created_at)
values ($1, $2, $3);

-- name: blob_mark_insert_of_experiment
-- Marks the blobs of an experiment that is about to be purged: the attachments of its runs, and the media that were
-- announced for its traces. $1 tenant, $2 experiment, $3 now. A repeat marks them again.
-- May take minutes.
insert into blob_marks (tenant_id, blob_id, created_at)
select $1::uuid, blob_id, $3::timestamptz
from (
  select blob_id
  from runs, unnest(runmill_blob_ids(attachments)) as blob_id
  where tenant_id = $1 and experiment_id = $2 and attachments is not null
  union
  select media.blob_id
  from media_traces
  join traces on traces.tenant_id = $1 and traces.id = media_traces.trace_id
  join media on media.tenant_id = $1 and media.id = media_traces.media_id
  where media_traces.tenant_id = $1 and traces.experiment_id = $2
) as freed;

-- name: blob_mark_insert_of_traces
-- Marks the blobs of traces that are about to be deleted: the attachments of their runs, and the media that were
-- announced for them. $1 tenant, $2 uuid[] traces, $3 now. A repeat marks them again.
insert into blob_marks (tenant_id, blob_id, created_at)
select $1::uuid, blob_id, $3::timestamptz
from (
  select blob_id
  from runs, unnest(runmill_blob_ids(attachments)) as blob_id
  where tenant_id = $1 and trace_id = any ($2::uuid[]) and attachments is not null
  union
  select media.blob_id
  from media_traces
  join media on media.tenant_id = $1 and media.id = media_traces.media_id
  where media_traces.tenant_id = $1 and media_traces.trace_id = any ($2::uuid[])
) as freed;

-- name: blob_mark_list_due
-- Lists marked blobs that are due: the blob was marked before $2, and was last used either before $3 or after it was
-- marked. A blob without a row must have been marked before $3. $1 tenant, $4 the most rows. Reads only.
-- May take minutes.
select marks.blob_id, marks.marked_at >= coalesce(blobs.used_at, '-infinity') as is_current
from (
  select blob_id, max(created_at) as marked_at
  from blob_marks
  where tenant_id = $1
  group by blob_id
) as marks
left join blobs on blobs.tenant_id = $1 and blobs.id = marks.blob_id
where marks.marked_at < $2
  and (coalesce(blobs.used_at, marks.marked_at) < $3 or blobs.used_at > marks.marked_at)
order by marks.blob_id
limit $4;

-- name: blob_update_used
-- Notes that a stored blob was sent again, and returns its row. $1 tenant, $2 blob, $3 now. A repeat sets the time
-- again. Waits for a running delete of the blob; then there is no row.
update blobs set used_at = greatest(used_at, $3)
where tenant_id = $1 and id = $2
returning id;
