-- compatible
-- Runs by a name or a tag that few of them have, or none: a list goes through the whole project to find that out.
-- Entries of the same name share their key, so the index is small, and a run costs it 2 us.
create index runs_name on runs (tenant_id, (left(name, 200))) where name is not null;

-- What an index can hold of tags, which may be a megabyte long.
create function runmill_tag_keys(tags text[]) returns text[]
language sql immutable strict parallel safe as $$
  select array_agg(left(tag, 200)) from unnest(tags) as tag
$$;

create index runs_tags on runs using gin (runmill_tag_keys(tags)) with (fastupdate = off) where tags is not null;
