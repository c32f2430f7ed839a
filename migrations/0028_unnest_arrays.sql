-- compatible
-- unnest for texts that are arrays: an array for each text. An upsert may not cast what unnest gives it (text-array.ts).
create function runmill_unnest_bigints(texts text[]) returns setof bigint[] language sql immutable strict parallel safe
  as 'select given::bigint[] from unnest(texts) as given';
create function runmill_unnest_texts(texts text[]) returns setof text[] language sql immutable strict parallel safe
  as 'select given::text[] from unnest(texts) as given';
