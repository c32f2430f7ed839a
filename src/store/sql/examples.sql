-- name: example_find
-- Finds the current version of one example. $1 tenant, $2 id. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = (select $1::uuid) and id = $2 and valid_to = 'infinity';

-- name: example_find_as_of
-- Finds the version of one example that was valid at a time; one made exactly then counts. $1 tenant, $2 id, $3 time.
-- Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = (select $1::uuid) and id = $2 and valid_from <= $3 and $3 < valid_to;

-- name: example_list_begins_as_of
-- When the versions began that were valid at given times; one made exactly then counts. $1 tenant, then arrays of equal
-- length: $2 ids, $3 times. Returns the index of each that is found, from 0. Reads only.
select (given.place - 1)::integer as index, examples.valid_from
from unnest($2::uuid[], $3::timestamptz[]) with ordinality as given (id, moment, place)
join examples on examples.tenant_id = $1 and examples.id = given.id
  and examples.valid_from <= given.moment and given.moment < examples.valid_to;

-- name: example_find_tagged
-- Finds one example in the version of its dataset that a tag names. If the example was in several datasets with this
-- tag, the newest of those versions is taken. $1 tenant, $2 id, $3 tag. Reads only.
select examples.id, examples.external_id, examples.dataset_id, examples.valid_from, examples.created_at,
  examples.ordinal, examples.inputs, examples.outputs, examples.metadata, examples.splits, examples.archived,
  examples.source_trace_id, examples.external_source_trace_id, examples.source_run_id,
  examples.external_source_run_id, examples.attachments
from examples
join dataset_tags on dataset_tags.tenant_id = $1 and dataset_tags.dataset_id = examples.dataset_id
  and dataset_tags.tag = $3
where examples.tenant_id = $1 and examples.id = $2
  and examples.valid_from <= dataset_tags.as_of and dataset_tags.as_of < examples.valid_to
order by examples.valid_from desc
limit 1;

-- name: example_import_many
-- Inserts versions of many examples of one dataset as they were on another server. $1 tenant, $2 dataset, then arrays of
-- equal length: $3 ids, $4 external ids, $5 valid_from, $6 valid_to, $7 created_at, $8 inputs, $9 outputs, $10 metadata,
-- $11 splits (each a JSON array), $12 archived, $13 and $14 source trace, $15 and $16 source run, $17 ordinals,
-- $18 attachments. A repeat is refused:
-- @throws unique violation when a version is there, or another dataset has an example
insert into examples (
  tenant_id, dataset_id, id, external_id, valid_from, valid_to, created_at, ordinal, inputs, outputs, metadata, splits,
  archived, source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
)
select $1::uuid, $2::uuid, given.id, given.external_id, given.valid_from, given.valid_to, given.created_at,
  given.ordinal, given.inputs::json, given.outputs::json, given.metadata::jsonb,
  array(
    select split from json_array_elements_text(given.splits::json) with ordinality as element (split, place)
    order by place
  ),
  given.archived::boolean, given.source_trace_id, given.external_source_trace_id, given.source_run_id,
  given.external_source_run_id, given.attachments::json
from unnest(
  $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::text[],
  $11::text[], $12::text[], $13::uuid[], $14::text[], $15::uuid[], $16::text[], $17::integer[], $18::text[]
) as given (
  id, external_id, valid_from, valid_to, created_at, inputs, outputs, metadata, splits, archived, source_trace_id,
  external_source_trace_id, source_run_id, external_source_run_id, ordinal, attachments
);

-- name: example_insert_many
-- Inserts versions of many examples of one dataset, valid from now on. Their older versions must be closed first.
-- $1 tenant, $2 dataset, $3 valid_from, then arrays of equal length: $4 ids, $5 external ids, $6 created_at, $7 inputs,
-- $8 outputs, $9 metadata, $10 splits (each a JSON array), $11 archived, $12 and $13 source trace, $14 and $15 source
-- run, $16 ordinals, $17 attachments. A repeat violates the primary key.
-- @throws unique violation when another dataset has taken one of the ids in the meantime
insert into examples (
  tenant_id, dataset_id, id, external_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
)
select $1::uuid, $2::uuid, given.id, given.external_id, $3::timestamptz, given.created_at, given.ordinal,
  given.inputs::json, given.outputs::json, given.metadata::jsonb,
  array(
    select split from json_array_elements_text(given.splits::json) with ordinality as element (split, place)
    order by place
  ),
  given.archived::boolean, given.source_trace_id, given.external_source_trace_id, given.source_run_id,
  given.external_source_run_id, given.attachments::json
from unnest(
  $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[],
  $13::text[], $14::uuid[], $15::text[], $16::integer[], $17::text[]
) as given (
  id, external_id, created_at, inputs, outputs, metadata, splits, archived, source_trace_id, external_source_trace_id,
  source_run_id, external_source_run_id, ordinal, attachments
);

-- name: example_list_changes
-- Lists the examples of a dataset that differ between two times, by id. Archived examples count as deleted. $1 tenant,
-- $2 dataset, $3 the earlier time, $4 the later time. Reads only.
with before as (
  select id, valid_from from examples
  where tenant_id = $1 and dataset_id = $2 and valid_from <= $3 and $3 < valid_to and not archived
), after as (
  select id, valid_from from examples
  where tenant_id = $1 and dataset_id = $2 and valid_from <= $4 and $4 < valid_to and not archived
)
select coalesce(before.id, after.id) as id,
  case when before.id is null then 'added' when after.id is null then 'removed' else 'modified' end as change
from before
full join after on after.id = before.id
where before.valid_from is distinct from after.valid_from
order by 1;

-- name: example_list_compared
-- The newest version of some examples. For a deleted example it is the last one, so that results do not vanish with
-- their example. $1 tenant, $2 uuid[] examples. Reads only.
select example.id, example.external_id, example.dataset_id, example.valid_from, example.created_at, example.ordinal,
  example.inputs, example.outputs, example.metadata, example.splits, example.archived, example.source_trace_id,
  example.external_source_trace_id, example.source_run_id, example.external_source_run_id,
  example.attachments
from unnest($2::uuid[]) as asked (id)
cross join lateral (
  select examples.*
  from examples
  where examples.tenant_id = (select $1::uuid) and examples.id = asked.id
  order by examples.valid_from desc
  limit 1
) as example;

-- name: example_list_current_after
-- The next page of a dataset's current examples by id, including archived ones. $1 tenant, $2 dataset, $3 the last id
-- of the page before (the nil UUID at first), $4 limit. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and dataset_id = $2 and id > $3 and valid_to = 'infinity'
order by id
limit $4;

-- name: example_list_current_among
-- The current versions of these examples, in whatever datasets they are. $1 tenant, $2 uuid[] ids. Reads only.
select id, external_id, dataset_id, valid_from, created_at, ordinal, inputs, outputs, metadata, splits, archived,
  source_trace_id, external_source_trace_id, source_run_id, external_source_run_id, attachments
from examples
where tenant_id = $1 and id = any($2::uuid[]) and valid_to = 'infinity';

-- name: example_list_datasets
-- The datasets that these examples are or were in, with the ids of each. $1 tenant, $2 uuid[] examples. Reads only.
select dataset_id, array_agg(distinct id order by id) as ids
from examples
where tenant_id = $1 and id = any($2::uuid[])
group by dataset_id
order by dataset_id;

-- name: example_list_spans
-- When each version of these examples began and ended, in whatever dataset. $1 tenant, $2 uuid[] ids. Reads only.
select id, dataset_id, valid_from, nullif(valid_to, 'infinity') as valid_to
from examples
where tenant_id = $1 and id = any($2::uuid[]);

-- name: example_update_closed
-- Closes the current versions of these examples of one dataset. $1 tenant, $2 dataset, $3 valid_to, $4 uuid[] ids.
-- Returns the ids that had a current version. A repeat closes nothing.
update examples set valid_to = $3
where tenant_id = $1 and dataset_id = $2 and id = any($4::uuid[]) and valid_to = 'infinity'
returning id;

-- name: example_update_ends
-- Ends versions of examples of one dataset, or opens them again. $1 tenant, $2 dataset, then arrays of equal length:
-- $3 ids, $4 valid_from, $5 valid_to. A repeat sets the same ends again.
update examples set valid_to = given.valid_to
from unnest($3::uuid[], $4::timestamptz[], $5::timestamptz[]) as given (id, valid_from, valid_to)
where examples.tenant_id = $1 and examples.dataset_id = $2
  and examples.id = given.id and examples.valid_from = given.valid_from;

-- name: example_update_erased
-- Erases the content of every version of these examples and keeps their ids and times. The versions become archived, so
-- that no list shows them. $1 tenant, $2 uuid[] ids. Returns one row per example. A repeat changes nothing more.
with erased as (
  update examples set inputs = null, outputs = null, metadata = null, splits = default, archived = true,
    source_trace_id = null, external_source_trace_id = null, source_run_id = null, external_source_run_id = null,
    attachments = null
  where tenant_id = $1 and id = any($2::uuid[])
  returning id
)
select distinct id from erased order by id;
