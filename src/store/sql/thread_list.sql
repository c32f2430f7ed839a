-- A page of threads as sessions, newest first: a thread begins with its first trace. Threads that clients name on the
-- root run alone count too. $1 tenant, $2 from (inclusive) and $3 to (exclusive) or null, $4 text[] environments or null
-- for any, $5 how many, $6 how many before. Reads only.
with named as (
  select trace.thread_id, coalesce(trace.timestamp, trace.start_time) as time, trace.id, trace.environment,
    trace.experiment_id
  from traces as trace
  where trace.tenant_id = $1 and trace.thread_id is not null
    and coalesce(trace.timestamp, trace.start_time) is not null
  union all
  select root.thread_id, coalesce(trace.timestamp, trace.start_time), trace.id,
    coalesce(trace.environment, root.environment), root.experiment_id
  from runs as root
  join traces as trace on trace.tenant_id = $1 and trace.id = root.trace_id and trace.root_run_id = root.id
  -- 16: no client has said anything of the trace's thread.
  where root.tenant_id = $1 and root.parent_run_id is null and root.thread_id is not null and trace.m & 16 = 0
    and coalesce(trace.timestamp, trace.start_time) is not null
),
sessions as (
  select distinct on (thread_id) thread_id, time as created_at, coalesce(environment, 'default') as environment
  from named
  where not exists (
    select from tombstones
    where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.id = named.experiment_id
      and tombstones.purged_at is null
  )
  order by thread_id, time, id
)
select thread_id, created_at, environment
from sessions
where ($2::timestamptz is null or created_at >= $2) and ($3::timestamptz is null or created_at < $3)
  and ($4::text[] is null or environment = any ($4))
order by created_at desc, thread_id
limit $5 offset $6
