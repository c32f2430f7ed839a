import { readFileSync } from 'node:fs'
import { loadModule } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import { entityFields, type EntityKind } from '../../src/domain/entities.ts'
import { migrationNames } from '../../src/store/migrate.ts'
import { plainText } from '../../src/store/statements.ts'
import { upsertText } from '../../src/store/write/upsert-sql.ts'
import { filesUnder } from '../support/import-graph.ts'
import { readsTables, readTenantSchema, tenantFaults } from './statement-tenants.ts'
import { readSqlTemplates, templateFaults } from './template-tenants.ts'

/*
 * I8: every statement works on one tenant, which is bound as `$1` in every table that it names. So an engine that puts each
 * tenant's rows on one node can send any statement there, and nothing of one tenant waits for the node of another. What is
 * looked at is what such an engine gets: elsewhere, look-ups hide the tenant from the planner (`anyTenant`).
 */

/** Small tables that have `tenant_id` and are the same on every node, because a key is all that a request has. */
const whole = new Set(['api_keys'])

/** The statements that work on all tenants. Each only reads. */
const ofAllTenants: Record<string, string> = {
  dead_letter_count_some: 'a metric of the whole server; it looks at so many rows and no more',
  dirty_trace_list_tenants: 'the sweep: finds tenants whose nudge was lost',
  feedback_token_find: 'a token, or the id of a link, is all that the request has',
  repricing_list_unfinished: 'the sweep: finds repricings whose nudge was lost',
  share_find_by_token: 'a token is all that the request has',
  tombstone_list_unpurged: 'the sweep: finds deletions whose nudge was lost',
}

/** A table that is new refers to one that is distributed, before it is distributed itself; or a trigger. */
const migrationFault =
  /\breferences (?!tenants\b)|\bcreate (?:or replace )?(?:constraint )?trigger\b/i

const feedbackOf = readsTables('runmill_feedback_of')

const schema = readTenantSchema(
  readFileSync(new URL('../fixtures/schema.sql', import.meta.url), 'utf8'),
  whole,
)

const files = filesUnder('src/store').map((file) => ({ file, source: readFileSync(file, 'utf8') }))

interface Statement {
  name: string
  text: string
}

const stored: Statement[] = files
  .filter(({ file }) => file.endsWith('.sql'))
  .flatMap(({ source }) => source.split(/^(?=-- name: )/m))
  .map((text) => ({ name: /^-- name: (\w+)/.exec(text)![1]!, text: plainText(text) }))

const generated: Statement[] = (Object.keys(entityFields) as EntityKind[]).map((kind) => ({
  name: `${kind}_upsert_many`,
  text: upsertText(kind),
}))

beforeAll(async () => {
  await loadModule()
})

/** What is wrong, by the name of the statement or of the file. */
function faultsBy(pieces: { name: string; faults: string[] }[]): Record<string, string[]> {
  const all: Record<string, string[]> = {}
  for (const { name, faults } of pieces) {
    if (faults.length > 0) all[name] = [...(all[name] ?? []), ...faults]
  }
  return all
}

test('I8 every statement binds its tenant as $1 wherever it names a table, apart from a few that read all tenants', () => {
  expect(stored.length).toBeGreaterThan(150)
  const faults = faultsBy(
    [...stored, ...generated].map(({ name, text }) => ({
      name,
      faults: tenantFaults(text, schema),
    })),
  )
  const others = Object.entries(faults).filter(([name]) => !(name in ofAllTenants))
  expect(Object.fromEntries(others)).toEqual({})
  expect(Object.keys(ofAllTenants).filter((name) => !(name in faults))).toEqual([])
  const reads = stored.filter(({ text }) => text.includes('Reads only.')).map(({ name }) => name)
  expect(Object.keys(ofAllTenants).filter((name) => !reads.includes(name))).toEqual([])
})

test('I8 every template of a composed statement binds its tenant as $1 wherever it names a table', () => {
  const templates = files
    .filter(({ file }) => file.endsWith('.ts'))
    .flatMap(({ file, source }) =>
      readSqlTemplates(file, source).map((text) => ({ name: file, text })),
    )
  expect(templates.length).toBeGreaterThan(500)
  const faults = faultsBy(
    templates.map(({ name, text }) => ({ name, faults: templateFaults(text, schema) })),
  )
  expect(faults).toEqual({})
})

test('the schema has all tables, views and functions of tenants', () => {
  for (const name of ['runs', 'dirty_traces']) {
    expect(schema.tables).toContain(name)
  }
  for (const name of ['tenants', 'secrets', 'api_keys']) expect(schema.tables).not.toContain(name)
  expect(schema.functions).toContain('runmill_feedback_of')
  expect([...schema.views]).toEqual([
    'executions',
    'linked_runs',
    'shown_runs',
    'stale_experiments',
  ])
})

test('no migration since the tables can be distributed makes what an engine refuses on distributed tables', () => {
  const since = '0026'
  const faults = migrationNames()
    .filter((name) => name >= since)
    .map((name) => ({ name, text: readFileSync(`migrations/${name}`, 'utf8') }))
    .filter(({ text }) => migrationFault.test(text))
  expect(faults.map(({ name }) => name)).toEqual([])
  for (const text of [
    'create table a (tenant_id uuid, b uuid, foreign key (tenant_id, b) references runs (tenant_id, id))',
    'create trigger a after update on runs for each row execute function b()',
  ]) {
    expect(text).toMatch(migrationFault)
  }
  expect('create table a (tenant_id uuid references tenants (id))').not.toMatch(migrationFault)
})

describe('a statement is refused', () => {
  const byJoin = 'a tenant is compared with a tenant of another table'
  const other = 'a tenant is compared with something else than $1'

  test.each([
    [
      'for the tenant of a join',
      'select from runs join traces on traces.tenant_id = runs.tenant_id where runs.tenant_id = $1',
      ['traces is not bound to $1', byJoin],
    ],
    [
      'for the tenant of a join by using',
      'select from runs join traces using (tenant_id) where runs.tenant_id = $1',
      ['traces is not bound to $1'],
    ],
    [
      'for several tenants',
      'select from runs where tenant_id = any ($1::uuid[])',
      ['runs is not bound to $1', other],
    ],
    [
      'for another parameter',
      'select from runs where tenant_id = $2',
      ['runs is not bound to $1', other],
    ],
    [
      'for a key after which it goes on',
      'select from runs where tenant_id = $1 and (tenant_id, id) > ($2, $3)',
      [other],
    ],
    [
      'for a condition that is one of two',
      'select from runs where tenant_id = $1 or id = $2',
      ['runs is not bound to $1'],
    ],
    [
      'for a subquery',
      'select from runs where tenant_id = $1 and exists (select from traces where id = trace_id)',
      ['traces is not bound to $1'],
    ],
    [
      'for a lateral join',
      'select from unnest($1::uuid[]) as asked (tenant_id) cross join lateral (select from runs where runs.tenant_id = asked.tenant_id) as run',
      ['runs is not bound to $1', byJoin],
    ],
    [
      'for a table of a recursive CTE',
      'with recursive up as (select id from runs where tenant_id = $1 union select runs.id from up join runs on runs.parent_run_id = up.id) select from up',
      ['runs is not bound to $1'],
    ],
    [
      'for one branch of a union',
      'select id from runs where tenant_id = $1 union select id from traces',
      ['traces is not bound to $1'],
    ],
    [
      'for an update',
      'update runs set name = given.name from unnest($1::uuid[], $2::text[]) as given (tenant_id, name) where runs.tenant_id = given.tenant_id',
      ['runs is not bound to $1', byJoin],
    ],
    [
      'for a delete',
      'delete from runs using traces where runs.tenant_id = $1 and traces.id = runs.trace_id',
      ['traces is not bound to $1'],
    ],
    [
      'for an insert of several tenants',
      'insert into runs (tenant_id, id) select t, i from unnest($1::uuid[], $2::uuid[]) as given (t, i)',
      ['insert into runs: the tenant is not $1'],
    ],
    [
      'for an insert of whole rows',
      'insert into runs select ($1::runs).*',
      ['insert into runs: the tenant is not $1'],
    ],
    [
      'for an insert of rows of which one has another tenant',
      'insert into runs (tenant_id, id) values ($1, $2), ($3, $4)',
      ['insert into runs: the tenant is not $1'],
    ],
    [
      'for the tenant of a function',
      'select from runs cross join lateral runmill_feedback_of(runs.tenant_id, runs.id, null) as f where runs.tenant_id = $1',
      [feedbackOf, 'the tenant of runmill_feedback_of is not $1'],
    ],
    [
      'for a view',
      'select from stale_experiments where tenant_id = $1',
      [readsTables('stale_experiments')],
    ],
    [
      'for a parameter that follows a conflict',
      'insert into runs (tenant_id, id) select $1, id from unnest($2::uuid[]) as given (id) on conflict (tenant_id, id) do update set v = 1 where $3',
      ['a parameter follows the conflict of selected rows'],
    ],
    [
      'for a time that an update computes',
      "update datasets set version_at = version_at + interval '1 ms' where tenant_id = $1",
      ['an update computes with a function or operator that is not immutable'],
    ],
  ])('%s', (_why, text, faults) => {
    expect(tenantFaults(text, schema)).toEqual(faults)
  })

  test.each([
    ['of one table', 'select from runs where tenant_id = $1 and id = $2'],
    [
      'of a join',
      'select from runs as run left join traces on traces.tenant_id = $1 and traces.id = run.trace_id where run.tenant_id = $1::uuid',
    ],
    [
      'of a CTE, which is no table',
      'with runs as (select id from traces where tenant_id = $1) select from runs',
    ],
    [
      'that inserts',
      'insert into runs (id, tenant_id) select i, $1::uuid from unnest($2::uuid[]) as given (i)',
    ],
    [
      'of tables that are not of tenants',
      'select from api_keys join tenants on tenants.id = api_keys.tenant_id',
    ],
  ])('not when it binds all: %s', (_why, text) => {
    expect(tenantFaults(text, schema)).toEqual([])
  })
})

describe('a template is refused', () => {
  const other = 'a tenant is compared with something else than $1'
  const read = (code: string): string[] =>
    readSqlTemplates('a.ts', code).flatMap((text) => templateFaults(text, schema))

  test.each([
    [
      'for a table that it leaves to another template',
      'sql`from runs as run where ${conditions}`',
      ['runs as run is not bound to $1'],
    ],
    [
      'for the tenant of a join',
      'sql`from runs join traces on traces.tenant_id = runs.tenant_id where runs.tenant_id = ${tenant}`',
      [other, 'traces is not bound to $1'],
    ],
    [
      'for the tenant of an alias',
      'sql`exists (select from runs as r where r.tenant_id = ${run}.tenant_id)`',
      [other, 'runs as r is not bound to $1'],
    ],
    [
      'for another value',
      'sql`select from runs where tenant_id = ${tenantId}`',
      [other, 'runs is not bound to $1'],
    ],
    [
      'for a table whose name is an expression',
      'sql`select from ${raw(table)} where id = ${id}`',
      ['table_hole is not bound to $1'],
    ],
    [
      'for an insert',
      'sql`insert into runs (tenant_id, id) select tenant_id, id from traces where tenant_id = ${tenant}`',
      ['insert into runs: the tenant is not $1'],
    ],
    [
      'for the tenant of a function',
      'sql`from runmill_feedback_of(${run}.tenant_id, ${run}.id)`',
      [feedbackOf, 'the tenant of runmill_feedback_of is not $1'],
    ],
    [
      'for a view',
      'sql`select from stale_experiments where tenant_id = ${tenant}`',
      [readsTables('stale_experiments')],
    ],
    [
      'inside another one',
      'sql`${isAsked ? sql`(select from runs)` : empty}`',
      ['runs is not bound to $1'],
    ],
    [
      'without a tag, when it begins with a name',
      '`-- name: run_find\nselect from runs`',
      ['runs is not bound to $1'],
    ],
  ])('%s', (_why, code, faults) => {
    expect(read(code)).toEqual(faults)
  })

  test.each([
    'sql`from runs as run left join traces on traces.tenant_id = ${tenant} where run.tenant_id = ${tenant} and ${conditions}`',
    'sql`select from ${raw(table)} as held where held.tenant_id = ${tenant}::uuid`',
    'sql`insert into runs (tenant_id, id) select ${tenant}::uuid, ${id}`',
    'log(`${n} runs from traces`)',
  ])('not when it binds all: %s', (code) => {
    expect(read(code)).toEqual([])
  })
})
