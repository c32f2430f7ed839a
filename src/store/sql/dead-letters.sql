-- name: dead_letter_insert
-- Keeps an event that cannot be applied, in full, with the reason (SPEC I5).
-- $1 tenant, $2 id, $3 kind, $4 row, $5 reason, $6 event as JSON text, $7 received at, $8 now. A repeat inserts
-- nothing.
insert into dead_letters (tenant_id, id, kind, row_id, reason, event, received_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (tenant_id, id) do nothing;

-- name: dead_letter_count_some
-- How many events of all tenants are kept, but counted only up to a number, so that it always takes as little time.
-- $1 that number. Reads only.
select count(*) as count from (select from dead_letters limit $1) as some;
