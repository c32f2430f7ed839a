-- name: secret_find
-- Finds a secret of the installation. $1 name. Reads only.
select value
from secrets
where name = $1;

-- name: secret_insert
-- Inserts a secret of the installation. $1 name, $2 value, $3 now. A repeat keeps the first value.
insert into secrets (name, value, created_at)
values ($1, $2, $3)
on conflict (name) do nothing;
