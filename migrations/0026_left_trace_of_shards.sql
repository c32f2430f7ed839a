-- compatible
-- Where tables are distributed, a trigger fires on a part of the table, whose name goes on with a number.
create or replace function runmill_mark_left_trace() returns trigger language plpgsql as $$
begin
  insert into dirty_traces (tenant_id, trace_ids, is_left)
  values (old.tenant_id, array[old.trace_id], starts_with(tg_table_name, 'runs'));
  return null;
end
$$;
