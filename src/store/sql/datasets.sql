-- name: dataset_delete
-- Deletes a dataset with all versions of its examples. $1 tenant, $2 id. A repeat deletes nothing and returns no row.
delete from datasets where tenant_id = $1 and id = $2 returning id;

-- name: dataset_find
-- Finds one dataset. $1 tenant, $2 id. Reads only.
select id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
from datasets
where tenant_id = $1 and id = $2;

-- name: dataset_find_by_name
-- Finds one dataset by its exact name. $1 tenant, $2 name. Reads only.
select id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
from datasets
where tenant_id = $1 and name = $2;

-- name: dataset_import
-- Writes a dataset of another server as it is there, with its times. $1 tenant, $2 id, $3 external id, $4 name,
-- $5 description, $6 data type, $7 metadata, $8 inputs schema, $9 outputs schema, $10 transformations, $11 externally
-- managed, $12 baseline experiment, $13 created_at, $14 updated_at, $15 whether $12 replaces the one that is there.
-- A repeat writes the same again.
-- @throws unique violation when another dataset has the name
insert into datasets (
  tenant_id, id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
)
values (
  $1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::json, $9::text::json, $10::text::json, $11, $12, $13, $14, $13
)
on conflict (tenant_id, id) do update set
  name = excluded.name,
  description = excluded.description,
  data_type = excluded.data_type,
  metadata = excluded.metadata,
  inputs_schema = excluded.inputs_schema,
  outputs_schema = excluded.outputs_schema,
  transformations = excluded.transformations,
  externally_managed = excluded.externally_managed,
  baseline_experiment_id = case when $15 then excluded.baseline_experiment_id else datasets.baseline_experiment_id end,
  created_at = excluded.created_at,
  updated_at = excluded.updated_at;

-- name: dataset_insert
-- Inserts a dataset. $1 tenant, $2 id, $3 external id, $4 name, $5 description, $6 data type, $7 metadata, $8 inputs
-- schema, $9 outputs schema, $10 transformations, $11 externally managed, $12 created_at, $13 now. Where $12 is null,
-- the dataset is created now, but at least a millisecond after the newest one, so that lists keep the order of
-- creation.
-- Changes nothing and returns no row when the name or the id is taken, as it is on a repeat.
insert into datasets (
  tenant_id, id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, created_at, updated_at, version_at
)
select $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text::jsonb, $8::text::json, $9::text::json,
  $10::text::json, $11::boolean, coalesce($12::timestamptz, next.created_at), coalesce($12::timestamptz, next.created_at),
  date_trunc('milliseconds', $13::timestamptz)
from (
  select greatest(
    $13::timestamptz,
    (
      select max(created_at) + interval '1 millisecond'
      from datasets
      -- A client may have set a time far in the future. Such a time does not count.
      where tenant_id = $1::uuid and created_at < $13::timestamptz + interval '1 minute'
    )
  ) as created_at
) as next
on conflict do nothing
returning id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at;

-- name: dataset_list_contents
-- For each of these datasets, the ids of its current examples that are not archived, and the names of its experiments,
-- newest first. $1 tenant, $2 uuid[] datasets. Reads only.
select asked.dataset_id,
  array(
    select coalesce(examples.external_id, examples.id::text)
    from examples
    where examples.tenant_id = $1 and examples.dataset_id = asked.dataset_id
      and examples.valid_to = 'infinity' and not examples.archived
    order by examples.valid_from desc, examples.ordinal, examples.id
  ) as example_ids,
  array(
    select experiments.name
    from experiments
    where experiments.tenant_id = $1 and experiments.dataset_id = asked.dataset_id
    order by experiments.created_at desc, experiments.id
  ) as experiment_names
from unnest($2::uuid[]) as asked (dataset_id);

-- name: dataset_lock
-- Locks a dataset, so that only one transaction at a time writes it and its examples. $1 tenant, $2 id.
-- A repeat locks the same row again.
select id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at
from datasets
where tenant_id = $1 and id = $2
for no key update;

-- name: dataset_tag_find
-- Finds the version that a tag of a dataset names. $1 tenant, $2 dataset, $3 tag. Reads only.
select as_of from dataset_tags where tenant_id = $1 and dataset_id = $2 and tag = $3;

-- name: dataset_tag_upsert
-- Gives a version of a dataset a tag, and takes the tag from the version that had it. $1 tenant, $2 dataset, $3 tag,
-- $4 version, $5 now. Returns no row when the dataset does not exist. A repeat only moves updated_at.
insert into dataset_tags (tenant_id, dataset_id, tag, as_of, updated_at)
select $1::uuid, id, $3::text, $4::timestamptz, $5::timestamptz
from datasets
where tenant_id = $1 and id = $2
on conflict (tenant_id, dataset_id, tag) do update set as_of = excluded.as_of, updated_at = excluded.updated_at
returning tag;

-- name: dataset_update
-- Changes some fields of a dataset. $1 tenant, $2 id, $3 text[] names of the columns to set, then their values (ignored
-- unless named): $4 name, $5 description, $6 data type, $7 metadata, $8 inputs schema, $9 outputs schema,
-- $10 transformations, $11 baseline experiment; $12 now. A repeat only moves updated_at.
-- @throws unique violation when the name is taken
update datasets set
  name = case when 'name' = any($3::text[]) then $4::text else name end,
  description = case when 'description' = any($3) then $5::text else description end,
  data_type = case when 'data_type' = any($3) then $6::text else data_type end,
  metadata = case when 'metadata' = any($3) then $7::text::jsonb else metadata end,
  inputs_schema = case when 'inputs_schema' = any($3) then $8::text::json else inputs_schema end,
  outputs_schema = case when 'outputs_schema' = any($3) then $9::text::json else outputs_schema end,
  transformations = case when 'transformations' = any($3) then $10::text::json else transformations end,
  baseline_experiment_id = case when 'baseline_experiment_id' = any($3) then $11::uuid else baseline_experiment_id end,
  updated_at = greatest($12::timestamptz, created_at)
where tenant_id = $1 and id = $2
returning id, external_id, name, description, data_type, metadata, inputs_schema, outputs_schema, transformations,
  externally_managed, baseline_experiment_id, created_at, updated_at, version_at;

-- name: dataset_update_imported_version
-- Moves the newest version of a dataset to a time, unless it is there or later. The caller has locked the row. $1 tenant,
-- $2 dataset, $3 time. A repeat changes nothing.
update datasets set version_at = $3 where tenant_id = $1 and id = $2 and version_at < $3;

-- name: dataset_update_version
-- Takes the next version of a dataset: now in whole milliseconds, but later than every version that this dataset, or
-- another dataset that had one of the examples, was given before (a deleted id may come back in another dataset). The
-- caller has locked the row. $1 tenant, $2 dataset, $3 now, $4 uuid[] examples. A repeat takes another version.
update datasets set version_at = next.version_at
from (
  select greatest(
    date_trunc('milliseconds', $3::timestamptz),
    held.version_at + interval '1 millisecond',
    (
      select max(case when valid_to = 'infinity' then valid_from else valid_to end) + interval '1 millisecond'
      from examples
      where tenant_id = $1 and id = any($4::uuid[])
    )
  ) as version_at
  from datasets as held
  where held.tenant_id = $1 and held.id = $2
) as next
where datasets.tenant_id = $1 and datasets.id = $2
returning datasets.version_at;

-- name: dataset_version_find
-- Finds the newest version of a dataset at a time, with its tags; a version made exactly then counts. $1 tenant,
-- $2 dataset, $3 time. No row before the first version. The newest version of all is tagged `latest`. Reads only.
with version as (
  select greatest(
    (select max(valid_from) from examples where tenant_id = $1 and dataset_id = $2 and valid_from <= $3),
    (
      select max(valid_to) from examples
      where tenant_id = $1 and dataset_id = $2 and valid_to < 'infinity' and valid_to <= $3
    )
  ) as as_of
), newest as (
  select greatest(
    (select max(valid_from) from examples where tenant_id = $1 and dataset_id = $2),
    (select max(valid_to) from examples where tenant_id = $1 and dataset_id = $2 and valid_to < 'infinity')
  ) as as_of
)
select version.as_of,
  array(select 'latest' from newest where newest.as_of = version.as_of) || array(
    select tag from dataset_tags
    where tenant_id = $1 and dataset_id = $2 and dataset_tags.as_of = version.as_of
    order by tag collate "C"
  ) as tags
from version
where version.as_of is not null;

-- name: dataset_version_list
-- One page of a dataset's versions, newest first, each with its tags. $1 tenant, $2 dataset, $3 one of its examples
-- (null: any), $4 pattern that a tag must match, in upper or lower case (null: any version), $5 limit, $6 offset. The
-- newest version of all is tagged `latest`. Reads only.
with version as (
  select valid_from as as_of from examples
  where tenant_id = $1 and dataset_id = $2 and ($3::uuid is null or id = $3)
  union
  select valid_to from examples
  where tenant_id = $1 and dataset_id = $2 and valid_to < 'infinity' and ($3::uuid is null or id = $3)
), newest as (
  select greatest(
    (select max(valid_from) from examples where tenant_id = $1 and dataset_id = $2),
    (select max(valid_to) from examples where tenant_id = $1 and dataset_id = $2 and valid_to < 'infinity')
  ) as as_of
), tagged as (
  select version.as_of,
    array(select 'latest' from newest where newest.as_of = version.as_of) || array(
      select tag from dataset_tags
      where tenant_id = $1 and dataset_id = $2 and dataset_tags.as_of = version.as_of
      order by tag collate "C"
    ) as tags
  from version
)
select as_of, tags
from tagged
where $4::text is null or exists (select from unnest(tags) as tag where tag ilike $4)
order by as_of desc
limit $5 offset $6;
