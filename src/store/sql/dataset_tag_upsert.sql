-- Gives a version of a dataset a tag; the version that had it loses it. $1 tenant, $2 dataset, $3 tag, $4 version,
-- $5 now. A repeat only moves updated_at. Returns no row without the dataset.
insert into dataset_tags (tenant_id, dataset_id, tag, as_of, updated_at)
select tenant_id, id, $3::text, $4::timestamptz, $5::timestamptz
from datasets
where tenant_id = $1 and id = $2
on conflict (tenant_id, dataset_id, tag) do update set as_of = excluded.as_of, updated_at = excluded.updated_at
returning tag
