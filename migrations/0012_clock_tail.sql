-- compatible
-- The versions of fields that the writer of a row does not know. While a new version of the server is brought out, workers of
-- the version before still write rows whose newest fields came after them. They must carry the clock of those fields along.

-- clock, newest, fields: what the row holds (`fv`, `v`, `m`). known: how many fields the writer knows. Returns the clock from
-- the first unknown field on; null when none of them was ever set.
create function runmill_clock_tail(clock bigint[], newest bigint, fields bigint, known integer) returns bigint[]
language sql immutable parallel safe as $$
  select case when fields >> known <> 0 then array(
    select case when fields >> slot & 1 = 1 then coalesce(clock[slot + 1], newest) end
    from generate_series(known, 62) as slot
    where fields >> slot <> 0
    order by slot
  ) end
$$;
