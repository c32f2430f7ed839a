import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Filter, FilterOperator, FilterValue } from '../../src/domain/filter.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import type { FilterSource } from '../../src/store/read/filter/filter-sql.ts'
import { filterNarrow } from '../../src/store/read/filter/narrow.ts'
import { observationSource } from '../../src/store/read/runs/observation-columns.ts'
import { runSource } from '../../src/store/read/runs/run-filter.ts'
import { traceSource } from '../../src/store/read/traces/trace-columns.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

let database: TestDatabase
let db: Db
let tenantId: string
/** Longer than an entry of an index may be. */
const longTag = randomBytes(50_000).toString('hex')

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url)
  tenantId = (await insertTenant(db)).id
  const { id: stranger } = await insertTenant(db)
  const long = 'n'.repeat(250)
  const tags = [3, 4].map((n) => [`${longTag}${n}`])
  await db`
    insert into runs (tenant_id, id, v, m, trace_id, name, tags)
    values (${tenantId}, ${id(1)}, 1, 0, ${id(1)}, 'a', '{x,y}'), (${tenantId}, ${id(2)}, 1, 0, ${id(2)}, 'b', '{y}'),
      (${tenantId}, ${id(3)}, 1, 0, ${id(3)}, ${`${long}3`}, ${tags[0]!}),
      (${tenantId}, ${id(4)}, 1, 0, ${id(4)}, ${`${long}4`}, ${tags[1]!}),
      (${stranger}, ${id(5)}, 1, 0, ${id(5)}, 'a', '{x}')`
  await db`
    insert into traces (tenant_id, id, v, m, root_user_id, tags, root_tags)
    values (${tenantId}, ${id(1)}, 1, 0, 'u', '{x}', '{y}'), (${tenantId}, ${id(2)}, 1, 0, 'u', null, '{y}'),
      (${tenantId}, ${id(3)}, 1, 0, 'v', ${tags[0]!}, null), (${tenantId}, ${id(4)}, 1, 0, null, null, ${tags[1]!}),
      (${stranger}, ${id(5)}, 1, 0, 'u', '{x}', null)`
  await db`update runs set user_id = 'v' where id = ${id(2)}`
  await db`update runs set user_id = 'u' where id in ${db([id(3), id(5)])}`
  const scores = (key: string, count: number, trace: number, score: number) => db`
    insert into feedback (tenant_id, id, v, m, trace_id, key, score_number)
    select ${tenantId}, gen_random_uuid(), 1, 0, ${id(trace)}, ${key}, ${score} from generate_series(1, ${count}::int)`
  await scores('few', 3, 1, 1)
  await scores('few', 3, 2, 0)
  await scores('many', 100_000, 1, 1)
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

function id(n: number): string {
  return `${String(n).repeat(8)}-0000-4000-8000-000000000000`
}

function is(
  attribute: 'name' | 'tags' | 'user_id',
  operator: FilterOperator,
  value: FilterValue,
): Filter {
  return { kind: 'condition', attribute, operator, value }
}

/** The average of the score of a name is positive. */
function scored(key: string): Filter {
  return { kind: 'condition', attribute: 'scores', key, operator: 'gt', value: 0 }
}

/** The ids that the list is narrowed to; null when it is not. */
async function narrowed(source: FilterSource, filter: Filter): Promise<string[] | null> {
  const [narrow] = await filterNarrow(db, tenantId, source, [filter])
  const term = narrow!.kind === 'and' ? narrow!.terms[0]! : narrow!
  if (term.kind !== 'condition' || term.attribute !== 'id') return null
  return [...(term.value as string[])].toSorted((a, b) => (a < b ? -1 : 1))
}

describe('a list is narrowed to the rows that an index finds', () => {
  test('runs by name: few, none, and names that differ after 200 characters', async () => {
    for (const source of [runSource('run'), observationSource]) {
      expect(await narrowed(source, is('name', 'eq', 'a'))).toEqual([id(1)])
      expect(await narrowed(source, is('name', 'eq', 'none'))).toEqual([])
      expect(await narrowed(source, is('name', 'eq', `${'n'.repeat(250)}3`))).toEqual([id(3)])
    }
  })

  test('runs by the user that they name, or that of their trace', async () => {
    expect(await narrowed(observationSource, is('user_id', 'eq', 'u'))).toEqual([id(1), id(3)])
    expect(await narrowed(observationSource, is('user_id', 'eq', 'v'))).toEqual([id(2)])
  })

  test('traces by the average of a score that few have', async () => {
    expect(await narrowed(traceSource, scored('few'))).toEqual([id(1)])
  })

  test('runs by tag', async () => {
    expect(await narrowed(runSource('run'), is('tags', 'has', 'y'))).toEqual([id(1), id(2)])
    expect(await narrowed(runSource('run'), is('tags', 'has', 'none'))).toEqual([])
  })

  test('traces by tags, their own and those of their root run', async () => {
    expect(await narrowed(traceSource, is('tags', 'all', ['x', 'y']))).toEqual([id(1)])
    expect(await narrowed(traceSource, is('tags', 'in', ['x', 'y']))).toEqual([id(1), id(2)])
  })

  test('tags of any length, which differ at their end', async () => {
    const tag = `${longTag}4`
    expect(await narrowed(runSource('run'), is('tags', 'has', tag))).toEqual([id(4)])
    expect(await narrowed(traceSource, is('tags', 'all', [tag]))).toEqual([id(4)])
    expect(await narrowed(traceSource, is('tags', 'in', [tag, 'none']))).toEqual([id(4)])
  })

  test('one of several conditions, all of which stay', async () => {
    const filter: Filter = {
      kind: 'and',
      terms: [is('tags', 'neq', null), is('name', 'eq', 'a')],
    }
    expect(await narrowed(runSource('run'), filter)).toEqual([id(1)])
    const [narrow] = await filterNarrow(db, tenantId, runSource('run'), [filter])
    expect(narrow).toMatchObject({ kind: 'and', terms: [{ attribute: 'id' }, filter] })
  })
})

describe('a list is not narrowed', () => {
  test.each([
    ['by a denial', is('name', 'neq', 'a')],
    ['by the absence of a value', is('name', 'eq', null)],
    ['by a pattern', is('name', 'contains', 'a')],
  ])('%s', async (_, filter) => {
    expect(await narrowed(runSource('run'), filter)).toBeNull()
  })

  test('by the average of a score that there are very many of', async () => {
    expect(await narrowed(traceSource, scored('many'))).toBeNull()
  })

  test('by none of the tags, which rows without tags have too', async () => {
    expect(await narrowed(traceSource, is('tags', 'all', []))).toBeNull()
  })
})
