-- compatible
-- As 0021_run_compression.sql, apart from it for the reason of 0020_trace_lookups.sql.
do $$
begin
  alter table traces
    alter column inputs set compression lz4,
    alter column inputs_preview set compression lz4,
    alter column outputs set compression lz4,
    alter column outputs_preview set compression lz4,
    alter column metadata set compression lz4;
exception when feature_not_supported then
  null;
end
$$;
