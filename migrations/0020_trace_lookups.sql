-- compatible
-- Traces by a tag. Apart from what is done to `runs`: a migration that held one table while it waited for the other could be
-- in the way of a deletion that is in its way.
create index traces_tags on traces
  using gin (runmill_tag_keys(coalesce(tags, '{}'::text[]) || coalesce(root_tags, '{}'::text[]))) with (fastupdate = off)
  where tags is not null or root_tags is not null;
