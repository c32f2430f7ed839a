-- Makes an empty row for feedback that has none, which waits for whoever is writing that feedback now. $1 tenant,
-- $2 feedback. A repeat changes nothing.
insert into feedback (tenant_id, id, v, m) values ($1, $2, 0, 0) on conflict (tenant_id, id) do nothing
