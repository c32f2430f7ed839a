-- compatible
-- unnest for texts that are arrays: an array for each text. An upsert may not cast what unnest gives it (text-array.ts).
create function runmill_unnest_bigints(texts text[]) returns setof bigint[] language sql immutable strict parallel safe
  as 'select given::bigint[] from unnest(texts) as given';
create function runmill_unnest_texts(texts text[]) returns setof text[] language sql immutable strict parallel safe
  as 'select given::text[] from unnest(texts) as given';

-- Most sums of an experiment are the bins of its histograms, which few refreshes need (docs/architecture.md 4.7). The key of
-- a sum is a hash, so only an index tells the others apart. Its columns never change: an update of a sum stays as cheap as it is.
create index experiment_sums_plain on experiment_sums (tenant_id, experiment_id)
  where kind not in ('latency', 'first_token');
