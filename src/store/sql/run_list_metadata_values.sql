-- The most frequent metadata values of an experiment's runs, by key. $1 tenant, $2 experiment, $3 text[] keys (null: the
-- 200 most frequent), $4 values per key, $5 roots only, $6 runs that started no earlier, or null. Reads only.
with entry as materialized (
  select entry.key, entry.value, count(*) as n
  from runs
  cross join lateral jsonb_each_text(
    case when jsonb_typeof(runs.metadata) = 'object' then runs.metadata else '{}' end
  ) as entry
  where runs.tenant_id = $1 and runs.experiment_id = $2
    and (not $5::boolean or (runs.parent_run_id is null and runs.trace_id is not null))
    and ($6::timestamptz is null or runs.start_time >= $6::timestamptz)
    and ($3::text[] is null or entry.key = any ($3::text[]))
    and entry.value is not null
  group by entry.key, entry.value
),
wanted as (
  select key from entry group by key order by sum(n) desc, key collate "C" limit case when $3::text[] is null then 200 end
),
placed as (
  select key, value, row_number() over (partition by key order by n desc, value collate "C") as place
  from entry
  where key in (select key from wanted)
)
select key, array_agg(value order by place) as values
from placed
where place <= $4::bigint
group by key
order by key collate "C"
