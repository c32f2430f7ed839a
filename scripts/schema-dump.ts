import type { Queryable } from '../src/store/pool.ts'

/**
 * The schema `public` as text, the same for the same schema: tables with their columns, constraints and indexes, and
 * whatever else migrations make. It is for reading and comparing (test/fixtures/schema.sql), not for restoring: that is
 * what migrations are for, and the npm package of Postgres carries no pg_dump.
 */
export async function dumpSchema(db: Queryable): Promise<string> {
  const lines = await db.unsafe<{ line: string }[]>(dumpText)
  return lines.map(({ line }) => `${line}\n`).join('')
}

const dumpText = `
with relation as (
  select c.oid, c.relname, c.relkind, c.reloptions, quote_ident(c.relname) as name
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migrations'
),
part as (
  select name as owner, 1 as section, '' as key, '-- table ' || name
    || coalesce(' with (' || array_to_string(reloptions, ', ') || ')', '') as line
  from relation where relkind in ('r', 'p')
  union all
  select r.name, 2, lpad(a.attnum::text, 4, '0'), '  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || case when a.attidentity <> '' then ' generated ' || case a.attidentity when 'a' then 'always' else 'by default' end || ' as identity' else '' end
    || case when a.attgenerated <> '' then ' generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ')'
       else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') end
    || case when a.attcompression <> '' then ' compression ' || a.attcompression::text else '' end
    || case when a.attstorage <> t.typstorage then ' storage ' || a.attstorage::text else '' end
    || case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation::text else '' end
  from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
  where r.relkind in ('r', 'p')
  union all
  select r.name, 3, c.contype::text || c.conname, '  constraint ' || quote_ident(c.conname) || ' ' || pg_get_constraintdef(c.oid)
  from relation r join pg_constraint c on c.conrelid = r.oid
  where r.relkind in ('r', 'p') and c.contype <> 'n'
  union all
  select r.name, 4, x.relname, '  ' || pg_get_indexdef(i.indexrelid)
  from relation r
  join pg_index i on i.indrelid = r.oid
  join relation x on x.oid = i.indexrelid
  where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
  union all
  select r.name, 5, t.tgname, '  ' || pg_get_triggerdef(t.oid)
  from relation r join pg_trigger t on t.tgrelid = r.oid
  where not t.tgisinternal
  union all
  select name, 6, '', '-- ' || case relkind when 'v' then 'view ' when 'm' then 'materialized view ' else 'sequence ' end
    || name || case when relkind in ('v', 'm') then E' as\\n' || pg_get_viewdef(oid) else '' end
  from relation where relkind in ('v', 'm', 'S')
  union all
  select p.oid::regprocedure::text, 7, '', pg_get_functiondef(p.oid)
  from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prokind in ('f', 'p')
  union all
  select t.oid::regtype::text, 8, lpad(e.enumsortorder::text, 9, '0'), '-- enum ' || t.oid::regtype::text || ' ' || quote_literal(e.enumlabel)
  from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'public'::regnamespace
)
select line from part order by owner collate "C", section, key collate "C"
`
