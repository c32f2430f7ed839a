-- Takes the next version of a dataset: now in whole milliseconds, yet after every version given out before, also by
-- another dataset to one of the examples (a deleted id may come back elsewhere). The row is locked by the caller.
-- $1 tenant, $2 dataset, $3 now, $4 uuid[] examples. A repeat takes another version.
update datasets set
  version_at = greatest(
    date_trunc('milliseconds', $3::timestamptz),
    version_at + interval '1 millisecond',
    (
      select max(case when valid_to = 'infinity' then valid_from else valid_to end) + interval '1 millisecond'
      from examples
      where tenant_id = $1 and id = any($4::uuid[])
    )
  )
where tenant_id = $1 and id = $2
returning version_at
