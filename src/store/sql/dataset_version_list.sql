-- One page of a dataset's versions, newest first, each with its tags. $1 tenant, $2 dataset, $3 one of its examples
-- (null: any), $4 pattern that a tag must match, in any case (null: any version), $5 limit, $6 offset. The newest
-- version of all is tagged `latest`. Reads only.
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
limit $5 offset $6
