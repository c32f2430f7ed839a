-- One run of an existing experiment with its trace's roll-ups (a root shows those), its feedback (a root's with what was
-- given to its trace and no run), relatives and share.
-- A fragment (no name, type or start time: an update whose create is on its way) is not shown.
-- $1 tenant, $2 run. Reads only.
select run.id, run.tenant_id, run.trace_id, run.experiment_id, run.parent_run_id, run.name, run.run_type, run.status,
  run.start_time, run.end_time, run.created_at, run.inputs, run.inputs_preview, run.outputs, run.outputs_preview,
  run.error, run.status_message, run.level, run.events, run.serialized, run.tags, run.dotted_order,
  run.reference_example_id, run.metadata, run.runtime, run.extra, run.attachments, run.usage_details, run.cost_details,
  run.first_token_time, run.thread_id, experiments.trace_tier,
  case when root.is_root then traces.prompt_tokens else run.prompt_tokens end as prompt_tokens,
  case when root.is_root then traces.completion_tokens else run.completion_tokens end as completion_tokens,
  case when root.is_root then traces.total_tokens else run.total_tokens end as total_tokens,
  case when root.is_root then traces.prompt_cost else run.prompt_cost end as prompt_cost,
  case when root.is_root then traces.completion_cost else run.completion_cost end as completion_cost,
  case when root.is_root then traces.total_cost else run.total_cost end as total_cost,
  traces.start_time as trace_min_start_time,
  family.max_start_time as trace_max_start_time,
  coalesce(family.child_run_ids, '{}') as child_run_ids,
  coalesce(family.direct_child_run_ids, '{}') as direct_child_run_ids,
  (
    select example.dataset_id
    from examples as example
    where example.tenant_id = $1 and example.id = run.reference_example_id
    limit 1
  ) as reference_dataset_id,
  exists (
    select from examples as example where example.tenant_id = $1 and example.source_run_id = run.id
  ) as in_dataset,
  (
    select share.token from shares as share where share.tenant_id = $1 and share.kind = 'run' and share.id = run.id
  ) as share_token,
  (
    select runmill_feedback_stats(
      array_agg((feedback.key, feedback.score_number, feedback.value_text)::runmill_feedback_point)
    )
    from (
      select own.* from feedback as own where own.tenant_id = $1 and own.run_id = run.id
      union all
      select whole.* from feedback as whole
      where whole.tenant_id = $1 and whole.trace_id = run.trace_id and whole.run_id is null and root.is_root
    ) as feedback
    where feedback.comparative_experiment_id is null
  ) as feedback_stats
from runs as run
join experiments on experiments.tenant_id = run.tenant_id and experiments.id = run.experiment_id
left join traces on traces.tenant_id = run.tenant_id and traces.id = run.trace_id
cross join lateral (select run.parent_run_id is null and traces.id is not null as is_root) as root
left join lateral (
  select max(relative.start_time) as max_start_time,
    array_agg(relative.id order by relative.dotted_order, relative.id)
      filter (where starts_with(relative.dotted_order, run.dotted_order || '.')) as child_run_ids,
    array_agg(relative.id order by relative.dotted_order, relative.id)
      filter (where relative.parent_run_id = run.id) as direct_child_run_ids
  from runs as relative
  where relative.tenant_id = $1 and relative.trace_id = run.trace_id
) as family on true
where run.tenant_id = $1 and run.id = $2
  and (run.name is not null or run.run_type is not null or run.start_time is not null)
