-- name: model_price_delete
-- Deletes a price. What was computed with it stays. $1 tenant, $2 id. A repeat deletes nothing.
delete from model_prices where tenant_id = $1 and id = $2 returning id;

-- name: model_price_find
-- Reads a price. $1 tenant, $2 id. Reads only.
select id, name, match_pattern, match_path, provider, start_time, unit, tiers, parts_fall_back, tokenizer_id,
  tokenizer_config, created_at
from model_prices
where tenant_id = $1 and id = $2;

-- name: model_price_list
-- Reads a tenant's prices, by name. They are few (maxPrices). $1 tenant. Reads only.
select id, name, match_pattern, match_path, provider, start_time, unit, tiers, parts_fall_back, tokenizer_id,
  tokenizer_config, created_at
from model_prices
where tenant_id = $1
order by name collate "C", start_time desc nulls last, id;

-- name: model_price_list_with_version
-- Reads a tenant's prices, each with the version of them all; null prices when there are none. The version and the prices
-- that it stands for are of one snapshot. $1 tenant. Reads only.
select price_tables.version, price.id, price.name, price.match_pattern, price.match_path,
  price.provider, price.start_time, price.unit, price.tiers, price.parts_fall_back, price.tokenizer_id,
  price.tokenizer_config, price.created_at
from price_tables
left join model_prices as price on price.tenant_id = $1
where price_tables.tenant_id = $1;

-- name: model_price_upsert
-- Inserts a price, or replaces all of one but the time when it was made. $1 tenant, $2 id, $3 name, $4 pattern,
-- $5 text[] path, $6 provider, $7 start, $8 unit, $9 tiers, $10 whether parts fall back, $11 tokenizer, $12 its
-- settings, $13 now. A repeat sets the same values again.
insert into model_prices (
  tenant_id, id, name, match_pattern, match_path, provider, start_time, unit, tiers, parts_fall_back, tokenizer_id,
  tokenizer_config, created_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::json, $10, $11, $12::text::json, $13)
on conflict (tenant_id, id) do update set
  name = excluded.name,
  match_pattern = excluded.match_pattern,
  match_path = excluded.match_path,
  provider = excluded.provider,
  start_time = excluded.start_time,
  unit = excluded.unit,
  tiers = excluded.tiers,
  parts_fall_back = excluded.parts_fall_back,
  tokenizer_id = excluded.tokenizer_id,
  tokenizer_config = excluded.tokenizer_config
returning id, name, match_pattern, match_path, provider, start_time, unit, tiers, parts_fall_back, tokenizer_id,
  tokenizer_config, created_at;

-- name: price_table_find_version
-- Reads the version of a tenant's prices; none for a tenant that never had any. $1 tenant. Reads only.
select version from price_tables where tenant_id = $1;

-- name: price_table_upsert
-- Locks a tenant's prices until the transaction ends, and raises their version. $1 tenant. A repeat raises it again.
insert into price_tables as held (tenant_id, version) values ($1, 1)
on conflict (tenant_id) do update set version = held.version + 1;
