-- Recomputes the roll-ups of traces from their runs. Tokens and cost: only llm and embedding runs are a source, because
-- parents repeat their children's. $1 uuid[] tenants, $2 uuid[] traces (same length). A repeat changes nothing.
update traces
set root_run_id = sums.root_run_id,
  start_time = sums.start_time,
  end_time = sums.end_time,
  first_token_time = sums.first_token_time,
  run_count = sums.run_count,
  error_count = sums.error_count,
  prompt_tokens = sums.prompt_tokens,
  completion_tokens = sums.completion_tokens,
  total_tokens = sums.total_tokens,
  prompt_cost = sums.prompt_cost,
  completion_cost = sums.completion_cost,
  total_cost = sums.total_cost
from (
  select runs.tenant_id, runs.trace_id,
    (array_agg(runs.id order by runs.id = runs.trace_id desc, runs.start_time nulls last, runs.id)
      filter (where runs.parent_run_id is null))[1] as root_run_id,
    min(runs.start_time) as start_time,
    max(coalesce(runs.end_time, runs.start_time)) as end_time,
    min(runs.first_token_time) as first_token_time,
    count(*) as run_count,
    count(*) filter (where runs.status = 'error') as error_count,
    sum(runs.prompt_tokens) filter (where runs.run_type in ('llm', 'embedding')) as prompt_tokens,
    sum(runs.completion_tokens) filter (where runs.run_type in ('llm', 'embedding')) as completion_tokens,
    sum(runs.total_tokens) filter (where runs.run_type in ('llm', 'embedding')) as total_tokens,
    sum(runs.prompt_cost) filter (where runs.run_type in ('llm', 'embedding')) as prompt_cost,
    sum(runs.completion_cost) filter (where runs.run_type in ('llm', 'embedding')) as completion_cost,
    sum(runs.total_cost) filter (where runs.run_type in ('llm', 'embedding')) as total_cost
  from runs
  join unnest($1::uuid[], $2::uuid[]) as asked (tenant_id, id)
    on runs.tenant_id = asked.tenant_id and runs.trace_id = asked.id
  group by runs.tenant_id, runs.trace_id
) as sums
where traces.tenant_id = sums.tenant_id and traces.id = sums.trace_id
  and (traces.root_run_id, traces.start_time, traces.end_time, traces.first_token_time, traces.run_count,
    traces.error_count, traces.prompt_tokens, traces.completion_tokens, traces.total_tokens, traces.prompt_cost,
    traces.completion_cost, traces.total_cost)
  is distinct from (sums.root_run_id, sums.start_time, sums.end_time, sums.first_token_time, sums.run_count,
    sums.error_count, sums.prompt_tokens, sums.completion_tokens, sums.total_tokens, sums.prompt_cost,
    sums.completion_cost, sums.total_cost)
