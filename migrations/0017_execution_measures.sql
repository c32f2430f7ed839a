-- breaking
-- What a comparison of experiments needs of each execution, beside the aggregates of its trace and refreshed with them
-- (docs/architecture.md 4.7): a comparison reads two experiments as a whole, and cannot look every run up.

-- An array, sorted by the run items that link the trace in the experiment, of
-- [example, run item, status, microseconds, tokens, cost, {key: score}, {key: {label: count}}, {key: config}],
-- where a score is the average of those that the execution was given. Only [example, run item]: the run that the item
-- links is not known to be in this trace, so what changes it does not mark the trace. Null: not looked at yet, or no item.
alter table trace_aggregates add column executions jsonb;

insert into aggregate_passes (tenant_id) select id from tenants;

-- The same of one run item, from the rows as they are, with `true` behind it; null when it is no execution of its own.
-- Feedback on the run that names a trace in which the run is not counts for nothing, as in the other aggregates.
create function runmill_execution(tenant uuid, item uuid) returns jsonb
language sql stable parallel safe as $$
  select jsonb_build_array(
    run.reference_example_id, run.item_id, run.status, (extract(epoch from run.duration) * 1000000)::bigint,
    run.total_tokens, trim_scale(run.total_cost), coalesce(given.scores, '{}'), coalesce(given.labels, '{}'),
    coalesce(given.configs, '{}'), true
  )
  from shown_runs as run
  cross join lateral (
    select jsonb_object_agg(key, score) filter (where score is not null) as scores,
      jsonb_object_agg(key, labels) filter (where labels is not null) as labels,
      jsonb_object_agg(key, config_id) filter (where config_id is not null) as configs
    from (
      select key, runmill_average(sum(total), sum(scored)::bigint) as score, min(config_id collate "C") as config_id,
        jsonb_object_agg(label, n) filter (where label is not null) as labels
      from (
        select point.key, said.label, count(*) as n, count(point.score_number) as scored,
          sum(point.score_number::text::numeric) as total,
          min(point.config_id collate "C") filter (where point.score_number is not null) as config_id
        from runmill_feedback_of(tenant, run.run_id, run.trace_id) as point
        cross join lateral (
          select case when point.score_number is null and length(point.value_text) <= 200 then point.value_text end
        ) as said (label)
        where point.key is not null and point.comparative_experiment_id is null and (
          point.trace_id is null or point.trace_id = run.trace_id or point.trace_id = (
            select runs.trace_id from runs where runs.tenant_id = tenant and runs.id = run.run_id
          )
        )
        group by point.key, said.label
      ) as per_label
      group by key
    ) as per_key
  ) as given
  where run.tenant_id = tenant and run.item_id = item and run.reference_example_id is not null and not run.yields
$$;
