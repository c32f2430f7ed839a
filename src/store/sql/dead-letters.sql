-- name: dead_letter_insert
-- Keeps an event that cannot be applied, in full, with the reason (SPEC I5), unless its tenant was deleted.
-- $1 tenant, $2 id, $3 kind, $4 row, $5 reason, $6 event as JSON text, $7 received at, $8 now. A repeat inserts
-- nothing.
insert into dead_letters (tenant_id, id, kind, row_id, reason, event, received_at, created_at)
select $1::uuid, $2::uuid, $3::text, $4::uuid, $5::text, $6::text, $7::timestamptz, $8::timestamptz
where not exists (select from tombstones where tenant_id = $1 and kind = 'tenant' and id = $1)
on conflict (tenant_id, id) do nothing;

-- name: dead_letter_count_by_reason
-- How many events of a tenant are kept, by reason and its SHA-256, counted over the newest. $1 tenant, $2 over how many.
-- Reads only.
select encode(sha256(convert_to(reason, 'UTF8')), 'hex') as id, reason, count(*) as count
from (select reason from dead_letters where tenant_id = $1 order by received_at desc, id limit $2) as newest
group by reason
order by count(*) desc, reason collate "C";

-- name: dead_letter_count_some
-- How many events of all tenants are kept, but counted only up to a number, so that it always takes as little time.
-- $1 that number. Reads only.
select count(*) as count from (select id from dead_letters limit $1) as few;

-- name: dead_letter_delete_many
-- Removes kept events. $1 tenant, $2 uuid[] ids. A repeat removes nothing and returns no row.
delete from dead_letters where tenant_id = $1 and id = any ($2::uuid[])
returning id;

-- name: dead_letter_delete_overdue
-- Deletes some kept events that were received longer ago than their tenant keeps traces. $1 tenant, $2 now, $3 the most rows.
-- A repeat deletes the next ones.
delete from dead_letters where tenant_id = $1 and id = any (array(
  select held.id from dead_letters as held
  where held.tenant_id = $1 and held.received_at < (
    select $2::timestamptz - make_interval(days => retention_days) from tenants where tenants.id = $1
  )
  limit $3
))
returning id;

-- name: dead_letter_delete_some
-- Removes the newest kept events that meet some conditions. $1 tenant, $2 kind or null, $3 text that the reason contains
-- or null, $4 kept before or null, $5 at most so many, $6 the SHA-256 of the reason or null. A repeat removes the next ones.
delete from dead_letters
where tenant_id = $1 and id in (
  select held.id from dead_letters as held
  where held.tenant_id = $1 and ($2::text is null or held.kind = $2::text)
    and ($3::text is null or position(lower($3::text) in lower(held.reason)) > 0)
    and ($4::timestamptz is null or held.created_at < $4::timestamptz)
    and ($6::text is null or encode(sha256(convert_to(held.reason, 'UTF8')), 'hex') = $6::text)
  order by held.received_at desc, held.id
  limit $5
)
returning id;

-- name: dead_letter_find
-- Finds a kept event, in full. $1 tenant, $2 id. Reads only.
select id, kind, row_id, reason, received_at, created_at, event from dead_letters where tenant_id = $1 and id = $2;

-- name: dead_letter_list
-- A page of the kept events that meet some conditions, newest first. $1 tenant, $2 kind or null, $3 text that the
-- reason contains or null, $4 the time and $5 the id of the last one of the page before, or nulls, $6 at most so many,
-- $7 the SHA-256 of the reason or null. Reads only.
select id, kind, row_id, reason, received_at, created_at, octet_length(event) as bytes
from dead_letters
where tenant_id = $1 and ($2::text is null or kind = $2::text)
  and ($3::text is null or position(lower($3::text) in lower(reason)) > 0)
  and ($7::text is null or encode(sha256(convert_to(reason, 'UTF8')), 'hex') = $7::text)
  and ($4::timestamptz is null or received_at <= $4::timestamptz
    and (received_at < $4::timestamptz or id > $5::uuid))
order by received_at desc, id
limit $6;

-- name: dead_letter_list_among
-- Returns which of these events are kept. $1 tenant, $2 uuid[] ids. Reads only.
select id from dead_letters where tenant_id = $1 and id = any ($2::uuid[]);

-- name: dead_letter_list_events
-- The newest kept events that meet some conditions, in full, up to a number of bytes, but at least one. $1 tenant,
-- $2 kind or null, $3 text that the reason contains or null, $4 kept before or null, $5 at most so many, $6 bytes,
-- $7 the SHA-256 of the reason or null. Reads only.
select dead_letters.id, dead_letters.event
from (
  select newest.id, newest.place, sum(newest.bytes) over (order by newest.place) - newest.bytes as before
  from (
    select held.id, octet_length(held.event) as bytes, row_number() over (order by held.received_at desc, held.id) as place
    from dead_letters as held
    where held.tenant_id = $1 and ($2::text is null or held.kind = $2::text)
      and ($3::text is null or position(lower($3::text) in lower(held.reason)) > 0)
      and ($4::timestamptz is null or held.created_at < $4::timestamptz)
      and ($7::text is null or encode(sha256(convert_to(held.reason, 'UTF8')), 'hex') = $7::text)
    order by held.received_at desc, held.id
    limit $5
  ) as newest
) as chosen
join dead_letters on dead_letters.tenant_id = $1 and dead_letters.id = chosen.id
where chosen.before < $6
order by chosen.place;
