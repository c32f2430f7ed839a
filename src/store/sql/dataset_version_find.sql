-- The newest version of a dataset at a time, with its tags. $1 tenant, $2 dataset, $3 time, itself included.
-- No row before the first version. The newest version of all is tagged `latest`. Reads only.
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
where version.as_of is not null
