-- name: aggregate_lock
-- Makes the transactions that refresh aggregates of a tenant take turns, so that no two add the same difference. No
-- writer waits for it. $1 tenant. A repeat holds the lock twice.
select pg_advisory_xact_lock(hashtext('aggregates'), hashtext($1::uuid::text));

-- name: dirty_trace_insert_many
-- Marks traces whose rows this transaction has written. $1 tenant, $2 uuid[] traces. A repeat adds a mark, which costs one
-- more look.
insert into dirty_traces (tenant_id, trace_ids) values ($1, $2::uuid[]);

-- name: dirty_trace_delete
-- Takes the oldest marks of a tenant, before their traces are looked at in the same transaction. $1 tenant, $2 bigint[]
-- only these marks, or null for any, $3 about how many traces. A repeat takes the next ones.
delete from dirty_traces
where tenant_id = $1 and id in (
  select oldest.id
  from (
    select mark.id, sum(cardinality(mark.trace_ids)) over (order by mark.id) - cardinality(mark.trace_ids) as before
    from (
      select id, trace_ids from dirty_traces
      where tenant_id = $1 and ($2::bigint[] is null or id = any ($2::bigint[]))
      order by id
      limit $3
    ) as mark
  ) as oldest
  where oldest.before < $3
)
returning trace_ids, is_left;

-- name: dirty_trace_find
-- Finds a mark of a tenant, if there is any. $1 tenant. Reads only.
select id from dirty_traces where tenant_id = $1 limit 1;

-- name: dirty_trace_list_tenants
-- Lists tenants whose aggregates are not up to date. $1 the most rows. Reads only.
select tenant_id from dirty_traces
union
select tenant_id from aggregate_passes
limit $1;

-- name: aggregate_pass_find
-- Finds the pass over a tenant's traces that is under way or, when none is, the next. $1 tenant. Reads only.
select id, is_begun, last_trace_id from aggregate_passes
where tenant_id = $1
order by is_begun desc, id
limit 1;

-- name: aggregate_pass_update_begun
-- Begins a pass: it stands for all that were asked for, and marks what counts and has no trace. $1 tenant, $2 pass.
-- A repeat does nothing; two at once mark the same twice.
-- May take minutes.
with due as materialized (
  select id from aggregate_passes where tenant_id = $1 and id = $2 and not is_begun
),
others as (
  delete from aggregate_passes where tenant_id = $1 and id <> $2 and exists (select from due)
),
begun as (
  update aggregate_passes set is_begun = true where tenant_id = $1 and id = $2
)
insert into dirty_traces (tenant_id, trace_ids)
select $1, array_agg(lone.id)
from (
  select place.id, row_number() over () / 100 as part
  from (
    select coalesce(run_items.trace_id, run_items.id) as id from run_items where run_items.tenant_id = $1
    union
    select coalesce(feedback.trace_id, feedback.run_id, feedback.id) from feedback
    where feedback.tenant_id = $1 and (feedback.trace_id is not null or not exists (
      select from runs where runs.tenant_id = $1 and runs.id = feedback.run_id and runs.trace_id is not null
    ))
    union
    select trace_aggregates.trace_id from trace_aggregates where trace_aggregates.tenant_id = $1
  ) as place
  where exists (select from due)
    and not exists (select from traces where traces.tenant_id = $1 and traces.id = place.id)
) as lone
group by lone.part;

-- name: aggregate_pass_update
-- Notes how far a pass has come, or that it is done. $1 tenant, $2 pass, $3 the last trace, or null: it is done.
-- A repeat changes nothing.
with done as (
  delete from aggregate_passes where tenant_id = $1 and id = $2 and $3::uuid is null
)
update aggregate_passes set last_trace_id = $3::uuid where tenant_id = $1 and id = $2 and $3::uuid is not null;
