-- For each of these datasets the ids of its current examples that are not archived, and the names of its experiments,
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
from unnest($2::uuid[]) as asked (dataset_id)
