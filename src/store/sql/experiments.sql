-- name: experiment_count_deletions
-- Counts, for each of these (dataset, name) pairs, how often an experiment of that name was deleted, in the order
-- given.
-- $1 tenant, $2 uuid[] datasets or nulls, $3 text[] names (same length). Reads only.
select (
  select count(*) from tombstones
  where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.name = asked.name
    and (tombstones.dataset_id = asked.dataset_id or (tombstones.dataset_id is null and asked.dataset_id is null))
)::integer as deletions
from unnest($2::uuid[], $3::text[]) with ordinality as asked (dataset_id, name, position)
order by asked.position;

-- name: experiment_count_of_dataset
-- Counts the experiments on a dataset. $1 tenant, $2 dataset. Reads only.
select count(*) as count from experiments where tenant_id = $1 and dataset_id = $2;

-- name: experiment_delete_many
-- Deletes experiments and leaves tombstones, so that late events do not bring them back. Their rows are purged later,
-- but disappear at once, because readers join experiments. $1 tenant, $2 uuid[] ids, $3 now, $4 whether feedback on the
-- experiments themselves is kept. A repeat deletes nothing and returns no row.
with gone as (
  delete from experiments where tenant_id = $1 and id = any ($2::uuid[])
  returning id, dataset_id, name
)
insert into tombstones (tenant_id, kind, id, dataset_id, name, deleted_at, keeps_scores)
select $1, 'experiment', gone.id, gone.dataset_id, gone.name, $3, $4::boolean from gone
on conflict (tenant_id, kind, id) do nothing
returning id;

-- name: experiment_delete_of_dataset
-- Deletes the experiments on a dataset and leaves tombstones for the purge. $1 tenant, $2 dataset, $3 now.
-- Returns what was deleted. A repeat deletes nothing.
with gone as (
  delete from experiments where tenant_id = $1 and dataset_id = $2 returning id, name
)
insert into tombstones (tenant_id, kind, id, dataset_id, name, deleted_at)
select $1, 'experiment', gone.id, $2, gone.name, $3::timestamptz from gone
on conflict do nothing
returning id;

-- name: experiment_find
-- Finds one experiment. $1 tenant, $2 id. Reads only.
select id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
from experiments
where tenant_id = $1 and id = $2;

-- name: experiment_find_of_dataset
-- Finds the experiment of that name on a dataset: the one that was made by name inside the dataset, or else one whose
-- name is unique in the tenant. $1 tenant, $2 dataset, $3 name. Reads only.
select id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time, created_at,
  updated_at
from experiments
where tenant_id = $1 and dataset_id = $2 and name = $3
order by name_scope = dataset_id desc, created_at desc, id
limit 1;

-- name: experiment_import
-- Writes an experiment of another server as it is there, with its times. Run it under tenant_lock. $1 tenant, $2 id,
-- $3 external id, $4 dataset, $5 name, $6 name scope, $7 description, $8 metadata, $9 extra, $10 trace tier, $11 default
-- dataset, $12 start time, $13 end time, $14 created_at, $15 updated_at. Returns no row where one of that id
-- was deleted. A repeat writes the same again.
-- @throws unique violation when another experiment has the name
insert into experiments (
  tenant_id, id, external_id, dataset_id, name, name_scope, description, metadata, extra, trace_tier,
  default_dataset_id, start_time, end_time, created_at, updated_at
)
select $1::uuid, $2::uuid, $3::text, $4::uuid, $5::text, $6::uuid, $7::text, $8::text::jsonb, $9::text::json, $10::text,
  $11::uuid, $12::timestamptz, $13::timestamptz, $14::timestamptz, $15::timestamptz
where not exists (
  select from tombstones
  where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.id = $2
)
on conflict (tenant_id, id) do update set
  dataset_id = excluded.dataset_id,
  name = excluded.name,
  name_scope = excluded.name_scope,
  description = excluded.description,
  metadata = excluded.metadata,
  extra = excluded.extra,
  trace_tier = excluded.trace_tier,
  default_dataset_id = excluded.default_dataset_id,
  start_time = excluded.start_time,
  end_time = excluded.end_time,
  created_at = excluded.created_at,
  updated_at = excluded.updated_at
returning id;

-- name: experiment_insert_many
-- Inserts experiments. Run it under tenant_lock. Creation times strictly increase within the tenant, in whole
-- milliseconds, because Langfuse sorts by them. A time that a client gave is kept; later experiments are placed after
-- it unless it is more than a minute in the future. $1 tenant, $2 now; then arrays of the same length: $3 ids,
-- $4 datasets, $5 names, $6 name scopes, $7 descriptions, $8 metadata, $9 extra, $10 trace tiers, $11 default datasets,
-- $12 start times (null: the creation time), $13 end times, $14 creation times (null: the next), $15 external ids. A
-- repeat inserts nothing and returns no row.
insert into experiments (
  tenant_id, id, external_id, dataset_id, name, name_scope, description, metadata, extra, trace_tier, default_dataset_id,
  start_time, end_time, created_at, updated_at
)
select $1, given.id, given.external_id, given.dataset_id, given.name, given.name_scope, given.description,
  coalesce(given.metadata::jsonb, '{}'), given.extra::json, given.trace_tier, given.default_dataset_id,
  coalesce(given.start_time, made.at), given.end_time, made.at, made.at
from unnest(
  $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[],
  $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[]
) with ordinality as given (
  id, dataset_id, name, name_scope, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, external_id, position
)
cross join (
  select greatest(
    date_trunc('milliseconds', $2::timestamptz),
    date_trunc('milliseconds', max(created_at)) + interval '1 millisecond'
  ) as at
  from experiments
  where tenant_id = $1 and created_at < $2::timestamptz + interval '1 minute'
) as next
cross join lateral (
  select coalesce(
    date_trunc('milliseconds', given.created_at), next.at + (given.position - 1) * interval '1 millisecond'
  ) as at
) as made
on conflict do nothing
returning id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at;

-- name: experiment_insert_traced
-- Inserts plain experiments under ids that clients chose. Run it under tenant_lock. Each has a name scope of its own,
-- so two may have the same name. Creation times strictly increase within the tenant, in whole milliseconds. A deleted
-- experiment stays deleted, and an existing one is not changed. $1 tenant, $2 now; then arrays of the same length:
-- $3 ids, $4 external ids, $5 names, $6 descriptions, $7 metadata, $8 the ids of datasets that were named and do not
-- exist. A repeat inserts nothing.
insert into experiments (
  tenant_id, id, external_id, name, name_scope, description, metadata, extra, start_time, created_at, updated_at
)
select $1, given.id, given.external_id, given.name, given.id, given.description, coalesce(given.metadata::jsonb, '{}'),
  case when given.named_dataset is not null then json_build_object('named_dataset', given.named_dataset) end,
  made.at, made.at, made.at
from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) with ordinality as given (
  id, external_id, name, description, metadata, named_dataset, position
)
cross join (
  select greatest(
    date_trunc('milliseconds', $2::timestamptz),
    date_trunc('milliseconds', max(created_at)) + interval '1 millisecond'
  ) as at
  from experiments
  where tenant_id = $1 and created_at < $2::timestamptz + interval '1 minute'
) as next
cross join lateral (
  select next.at + (given.position - 1) * interval '1 millisecond' as at
) as made
where not exists (
  select from tombstones
  where tombstones.tenant_id = $1 and tombstones.kind = 'experiment' and tombstones.id = given.id
)
on conflict do nothing;

-- name: experiment_list_compared
-- Returns those of some experiments that can show examples of a dataset: its own experiments, and those without a
-- dataset. No row means that there is no such dataset; one row of nulls, that there is no such experiment.
-- $1 tenant, $2 dataset, $3 uuid[] experiments. Reads only.
select experiments.id, experiments.name
from datasets
left join experiments on experiments.tenant_id = $1 and experiments.id = any($3::uuid[])
  and (experiments.dataset_id is null or experiments.dataset_id = datasets.id)
where datasets.tenant_id = $1 and datasets.id = $2;

-- name: experiment_list_datasets_among
-- Returns which of some experiments exist, with the dataset that each is on. $1 tenant, $2 uuid[] experiments.
-- Reads only.
select id, dataset_id from experiments where tenant_id = $1 and id = any ($2::uuid[]);

-- name: experiment_list_existing
-- Returns which of these experiments exist. $1 tenant, $2 uuid[] ids. Reads only.
select id from experiments where tenant_id = $1 and id = any ($2::uuid[]);

-- name: experiment_list_known
-- Returns which of these experiments exist or existed, with the dataset that each is or was on, and when it was deleted.
-- $1 tenant, $2 uuid[] ids. Reads only.
select id, dataset_id, null as deleted_at from experiments where tenant_id = $1 and id = any ($2::uuid[])
union all
select id, dataset_id, deleted_at from tombstones where tenant_id = $1 and kind = 'experiment' and id = any ($2::uuid[]);

-- name: experiment_list_named
-- Finds the experiment that each of these (dataset, name) pairs means, at most one per pair. With a dataset, it is the
-- one made by name inside the dataset, or else one with a tenant-wide name that refers to the dataset. Without a
-- dataset, it is the one with the tenant-wide name, or else, when $4 is true, the newest of that name in any dataset.
-- $1 tenant, $2 uuid[] datasets or nulls, $3 text[] names (same length), $4 boolean. Reads only.
select found.*
from unnest($2::uuid[], $3::text[]) as asked (dataset_id, name)
cross join lateral (
  select id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at
  from experiments
  where experiments.tenant_id = $1 and experiments.name = asked.name
    and (
      experiments.dataset_id is not distinct from asked.dataset_id
      or (asked.dataset_id is null and (experiments.name_scope = '00000000-0000-0000-0000-000000000000' or $4::boolean))
    )
  order by (experiments.name_scope = '00000000-0000-0000-0000-000000000000') = (asked.dataset_id is null) desc,
    experiments.created_at desc, experiments.id
  limit 1
) as found;

-- name: experiment_list_of_dataset
-- One page of the experiments on a dataset, newest first. $1 tenant, $2 dataset, $3 limit, $4 offset. Reads only.
select id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time, created_at,
  updated_at
from experiments
where tenant_id = $1 and dataset_id = $2
order by created_at desc, id
limit $3 offset $4;

-- name: experiment_list_purging
-- Lists deleted experiments whose rows may still be there. $1 tenant. Reads only.
select id, keeps_scores from tombstones where tenant_id = $1 and kind = 'experiment' and purged_at is null;

-- name: experiment_list_taken_ids
-- Returns which of these ids belong, or belonged, to an experiment. $1 tenant, $2 uuid[] ids. Reads only.
select id from experiments where tenant_id = $1 and id = any ($2::uuid[])
union
select id from tombstones where tenant_id = $1 and kind = 'experiment' and id = any ($2::uuid[]);

-- name: experiment_list_tenant_wide
-- Finds the experiments of these names whose names are unique in the tenant. $1 tenant, $2 text[] names. Reads only.
select id, name from experiments
where tenant_id = $1 and name_scope = '00000000-0000-0000-0000-000000000000' and name = any ($2::text[]);

-- name: experiment_lock_many
-- Keeps experiments from being deleted until the transaction ends: a delete waits, and then sees our rows. One look-up
-- per key, in the order given. $1 tenant, $2 uuid[] experiments (sorted). A repeat locks the same rows.
select locked.id
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select experiments.id from experiments
  where experiments.tenant_id = $1 and experiments.id = asked.id
  for key share
) as locked;

-- name: experiment_rows_delete
-- Purges some of the remaining rows of a deleted experiment: run items, feedback (that on the experiment itself only when
-- the tombstone does not keep it), traces without runs, and what traces added to it. Marks the traces of the feedback.
-- $1 tenant, $2 experiment, $3 the most rows of each kind. Returns whether there were any. A repeat deletes the next ones.
-- May take minutes.
with items as (
  delete from run_items
  where tenant_id = $1 and id in (select id from run_items where tenant_id = $1 and experiment_id = $2 limit $3)
  returning id
),
parts as (
  delete from trace_aggregates
  where tenant_id = $1 and experiment_id = $2
    and trace_id in (select trace_id from trace_aggregates where tenant_id = $1 and experiment_id = $2 limit $3)
  returning trace_id
),
scores as (
  delete from feedback
  where tenant_id = $1 and id in (
    select id from feedback
    where tenant_id = $1 and experiment_id = $2
      and (run_id is not null or trace_id is not null or not exists (
        select from tombstones where tenant_id = $1 and kind = 'experiment' and id = $2 and keeps_scores
      ))
    limit $3
  )
  returning coalesce(trace_id, run_id) as trace_id
),
empty_traces as (
  delete from traces
  where tenant_id = $1 and id in (
    select held.id from traces as held
    where held.tenant_id = $1 and held.experiment_id = $2
      and not exists (select from runs where runs.tenant_id = $1 and runs.trace_id = held.id)
    limit $3
  )
  returning id
),
marked as (
  insert into dirty_traces (tenant_id, trace_ids)
  select $1, array_agg(distinct scores.trace_id) from scores where scores.trace_id is not null having count(*) > 0
)
select exists (select from items) or exists (select from parts) or exists (select from scores)
  or exists (select from empty_traces) as is_some;

-- name: experiment_update
-- Changes the fields that are not null. $1 tenant, $2 id, $3 name, $4 description, $5 metadata, $6 extra, $7 trace
-- tier, $8 default dataset, $9 start time, $10 end time, $11 dataset (only when there is none yet), $12 now.
-- A repeat only moves updated_at.
update experiments
set name = coalesce($3, name),
  description = coalesce($4, description),
  metadata = coalesce($5::jsonb, metadata),
  extra = coalesce($6::json, extra),
  trace_tier = coalesce($7, trace_tier),
  default_dataset_id = coalesce($8, default_dataset_id),
  start_time = coalesce($9, start_time),
  end_time = coalesce($10, end_time),
  dataset_id = coalesce(dataset_id, $11),
  updated_at = $12
where tenant_id = $1 and id = $2
returning id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at;

-- name: experiment_update_described
-- Replaces description and metadata where they are given and differ. $1 tenant, $2 id, $3 description or null,
-- $4 metadata or null, $5 now. A repeat changes nothing and returns no row.
update experiments
set description = coalesce($3, description),
  metadata = coalesce($4::jsonb, metadata),
  updated_at = $5
where tenant_id = $1 and id = $2
  and (($3::text is not null and description is distinct from $3) or ($4::jsonb is not null and metadata <> $4::jsonb))
returning id, external_id, dataset_id, name, description, metadata, extra, trace_tier, default_dataset_id, start_time, end_time,
  created_at, updated_at;
