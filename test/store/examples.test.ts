import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromEpochMs, toEpochMs } from '../../src/domain/timestamp.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import {
  datasetCount,
  datasetFind,
  datasetList,
  datasetListCounted,
} from '../../src/store/read/datasets/datasets.ts'
import { exampleFind, type Example } from '../../src/store/read/datasets/example.ts'
import { exampleCount, exampleList } from '../../src/store/read/datasets/examples.ts'
import {
  datasetDelete,
  datasetInsert,
  datasetUpdate,
  datasetUpsertByName,
} from '../../src/store/write/datasets.ts'
import {
  exampleDeleteMany,
  exampleWriteVersions,
  type ExampleVersion,
} from '../../src/store/write/examples.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

let database: TestDatabase
let db: Db
const now = '2026-01-21T14:35:42.000000Z'
const later = '2026-01-21T14:35:43.000000Z'

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 4 })
})
afterAll(async () => {
  await closePool(db)
  await database.drop()
})

function dataset(name: string) {
  return {
    id: randomUUID(),
    externalId: null,
    name,
    description: null,
    metadata: null,
    inputsSchema: null,
    outputsSchema: null,
  }
}

function version(id: string, more: Partial<ExampleVersion> = {}): ExampleVersion {
  return {
    id,
    externalId: null,
    inputs: '{"q": 1.0}',
    outputs: null,
    metadata: null,
    splits: ['base'],
    archived: false,
    sourceTraceId: null,
    externalSourceTraceId: null,
    sourceRunId: null,
    externalSourceRunId: null,
    ...more,
  }
}

/** A tenant with a dataset, and a writer into that dataset. */
async function place() {
  const tenantId = (await insertTenant(db)).id
  const { id: datasetId } = (await datasetInsert(db, tenantId, dataset('first'), now))!
  return {
    tenantId,
    datasetId,
    write: async (versions: ExampleVersion[], at = now, into = datasetId) =>
      exampleWriteVersions(
        db,
        { tenantId, datasetId: into, ids: versions.map(({ id }) => id), now: at },
        () => versions,
      ),
    list: async (asOf: string | null = null) =>
      exampleList(db, { tenantId, filter: { datasetId }, asOf, limit: 100, offset: 0 }),
  }
}

describe('datasets', () => {
  test('a taken name or id makes nothing, and the name is free again after a delete', async () => {
    const { tenantId, datasetId, write } = await place()
    await write([version(randomUUID())])
    await db`
      insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
      values (${tenantId}, ${randomUUID()}, ${datasetId}, 'x', ${datasetId}, ${now}, ${now}, ${now})`
    expect(await datasetInsert(db, tenantId, dataset('first'), now)).toBeNull()
    expect(
      await datasetInsert(db, tenantId, { ...dataset('other'), id: datasetId }, now),
    ).toBeNull()
    expect((await datasetDelete(db, tenantId, datasetId, now))!.experimentIds).toHaveLength(1)
    expect(await datasetDelete(db, tenantId, datasetId, now)).toBeNull()
    expect(await exampleCount(db, { tenantId, filter: {}, asOf: null })).toBe(0)
    expect(await db`select name from tombstones where tenant_id = ${tenantId}`).toEqual([
      { name: 'x' },
    ])
    expect(await datasetInsert(db, tenantId, dataset('first'), now)).not.toBeNull()
  })

  test('datasets made at the same instant are listed in the order they were made, newest first', async () => {
    const { tenantId } = await place()
    await Promise.all(
      ['a', 'b', 'c'].map(async (name) => datasetInsert(db, tenantId, dataset(name), now)),
    )
    await datasetInsert(
      db,
      tenantId,
      { ...dataset('future'), createdAt: '2099-01-01T00:00:00.000000Z' },
      now,
    )
    const last = (await datasetInsert(db, tenantId, dataset('last'), now))!
    expect(last.createdAt < later).toBe(true)
    const times = (await datasetList(db, { tenantId, limit: 9, offset: 0 })).map(
      (row) => row.createdAt,
    )
    expect(new Set(times).size).toBe(6)
    expect(times).toEqual(times.toSorted().toReversed())
  })

  test('an upsert by name keeps what is null or absent, and null clears a schema', async () => {
    const { tenantId } = await place()
    const named = { ...dataset('up'), description: 'd', metadata: '{"a": 1}', inputsSchema: '{}' }
    const made = await datasetUpsertByName(db, tenantId, named, now, () => {})
    const { inputsSchema: _, ...absent } = dataset('up')
    const kept = await datasetUpsertByName(
      db,
      tenantId,
      { ...absent, outputsSchema: '{"b":1}' },
      later,
      () => {},
    )
    expect(kept).toMatchObject({ id: made.id, createdAt: made.createdAt, updatedAt: later })
    expect(kept).toMatchObject({
      description: 'd',
      metadata: '{"a": 1}',
      inputsSchema: '{}',
      outputsSchema: '{"b":1}',
    })
    const cleared = await datasetUpsertByName(db, tenantId, dataset('up'), later, () => {})
    expect(cleared).toMatchObject({ description: 'd', inputsSchema: null, outputsSchema: null })
  })

  test('concurrent upserts of one name make one dataset', async () => {
    const { tenantId } = await place()
    const made = await Promise.all(
      [1, 2, 3, 4].map(async () =>
        datasetUpsertByName(db, tenantId, dataset('race'), now, () => {}),
      ),
    )
    expect(new Set(made.map((row) => row.id)).size).toBe(1)
  })

  test('a patch keeps what is absent and clears what is null', async () => {
    const { tenantId, datasetId } = await place()
    await datasetUpdate(db, tenantId, datasetId, { description: 'd', metadata: '{"a":1}' }, now)
    const patched = await datasetUpdate(
      db,
      tenantId,
      datasetId,
      { metadata: null, name: 'new' },
      later,
    )
    expect(patched).toMatchObject({
      name: 'new',
      description: 'd',
      metadata: null,
      updatedAt: later,
    })
    expect(await datasetUpdate(db, tenantId, randomUUID(), { name: 'x' }, now)).toBeNull()
  })

  test('a check that throws keeps the schema as it was', async () => {
    const { tenantId, datasetId, write } = await place()
    await write([version(randomUUID())])
    const refused = datasetUpdate(
      db,
      tenantId,
      datasetId,
      { inputsSchema: '{}' },
      later,
      (examples) => {
        throw new Error(`${examples.length} refused`)
      },
    )
    await expect(refused).rejects.toThrow('1 refused')
    expect((await datasetFind(db, tenantId, datasetId))!.inputsSchema).toBeNull()
  })

  test('all filters must hold, counts are those of the latest version, and every sort is accepted', async () => {
    const { tenantId, datasetId, write } = await place()
    const [gone, kept] = [randomUUID(), randomUUID()]
    await write([version(gone), version(kept), version(randomUUID(), { archived: true })])
    await exampleDeleteMany(db, { tenantId, ids: [gone], now })
    await datasetUpdate(db, tenantId, datasetId, { metadata: '{"a": {"b": [1, 2]}}' }, now)
    await datasetInsert(db, tenantId, { ...dataset('100%_first'), dataType: 'chat' }, now)
    const names = async (filter: object) =>
      (await datasetListCounted(db, { tenantId, filter, limit: 9, offset: 0 })).map(
        (row) => row.name,
      )
    expect(await names({ nameContains: 'FIRST' })).toHaveLength(2)
    expect(await names({ nameContains: '%_' })).toEqual(['100%_first'])
    expect(
      await names({ metadata: '{"a":{"b":[2]}}', ids: [datasetId], names: ['first'] }),
    ).toEqual(['first'])
    expect(await names({ dataTypes: ['chat', 'llm'] })).toEqual(['100%_first'])
    expect(await datasetCount(db, tenantId, { dataTypes: ['kv'] })).toBe(1)
    for (const sort of [
      'name',
      'modified_at',
      'example_count',
      'session_count',
      'last_session_start_time',
    ] as const) {
      for (const isAscending of [true, false]) {
        const rows = await datasetListCounted(db, {
          tenantId,
          sort,
          isAscending,
          limit: 9,
          offset: 0,
        })
        expect(rows.map((row) => row.exampleCount).toSorted((a, b) => a - b)).toEqual([0, 1])
      }
    }
  })
})

describe('example versions', () => {
  test('one request is one version, and versions are whole milliseconds strictly apart', async () => {
    const { datasetId, tenantId, write } = await place()
    const written = (await write(
      [version(randomUUID()), version(randomUUID())],
      '2026-01-21T14:35:42.000999Z',
    ))!
    expect(new Set(written.map((row) => row.validFrom)).size).toBe(1)
    const times = [written[0]!.validFrom]
    const burst = await Promise.all([1, 2, 3, 4, 5].map(async () => write([version(randomUUID())])))
    times.push(...burst.map((rows) => rows![0]!.validFrom).toSorted())
    expect(times.map((time) => toEpochMs(time) - toEpochMs(times[0]!))).toEqual([0, 1, 2, 3, 4, 5])
    expect(times.every((time) => time.endsWith('000Z'))).toBe(true)
    expect((await datasetFind(db, tenantId, datasetId))!.versionAt).toBe(times.at(-1))
  })

  test('payloads read back byte for byte, with every other field', async () => {
    const { tenantId, write } = await place()
    const full = version(randomUUID(), {
      externalId: 'item "1"',
      inputs: '{"b":1.0, "a":12345678901234567890, "n":"\\u0000"}',
      outputs: 'null',
      metadata: '[1, "x"]',
      splits: ['te,st', '{"a"}', ''],
      archived: true,
      sourceTraceId: randomUUID(),
      externalSourceTraceId: 't',
      sourceRunId: randomUUID(),
      externalSourceRunId: 'r',
    })
    const [written] = (await write([full]))!
    expect(written).toMatchObject(full)
    expect(await exampleFind(db, tenantId, full.id, null)).toEqual(written)
  })

  test('every version can be read as of its time, including that very time', async () => {
    const { tenantId, write, list } = await place()
    const id = randomUUID()
    const [one] = (await write([version(id, { inputs: '1' })]))!
    const [two] = (await write([version(id, { inputs: '2' })], later))!
    expect(two).toMatchObject({ createdAt: one!.createdAt, validFrom: later })
    expect((await exampleFind(db, tenantId, id, one!.validFrom))!.inputs).toBe('1')
    expect((await exampleFind(db, tenantId, id, later))!.inputs).toBe('2')
    expect(await exampleFind(db, tenantId, id, '2020-01-01T00:00:00.000000Z')).toBeNull()
    expect(await exampleDeleteMany(db, { tenantId, ids: [id, randomUUID()], now: later })).toEqual([
      id,
    ])
    expect(await exampleDeleteMany(db, { tenantId, ids: [id], now: later })).toEqual([])
    expect(await list()).toEqual([])
    expect((await list(later)).map((row) => row.inputs)).toEqual(['2'])
    const after = fromEpochMs(toEpochMs(later) + 1)!
    expect(await list(after)).toEqual([])
    const [again] = (await write([version(id, { inputs: '3' })], later))!
    expect(again).toMatchObject({ createdAt: again!.validFrom })
  })

  test('a deleted id that is used again in another dataset is later than all its versions', async () => {
    const { tenantId, write } = await place()
    const other = (await datasetInsert(db, tenantId, dataset('other'), now))!
    const id = randomUUID()
    const [first] = (await write([version(id)], later))!
    await exampleDeleteMany(db, { tenantId, ids: [id], now })
    const [second] = (await write([version(id)], now, other.id))!
    expect(second!.validFrom > first!.validFrom).toBe(true)
    expect((await exampleFind(db, tenantId, id, second!.validFrom))!.datasetId).toBe(other.id)
  })

  test('the plan sees what exists, in other datasets too; an exception or an empty plan makes no version', async () => {
    const { tenantId, datasetId, write } = await place()
    const other = (await datasetInsert(db, tenantId, dataset('other'), now))!
    const id = randomUUID()
    await write([version(id)])
    const before = (await datasetFind(db, tenantId, other.id))!.versionAt
    let seen: Example | undefined
    const ask = { tenantId, datasetId: other.id, ids: [id, randomUUID()], now: later }
    const throwing = exampleWriteVersions(db, ask, (_, current) => {
      seen = current.get(id)
      throw new Error('taken')
    })
    await expect(throwing).rejects.toThrow('taken')
    expect(seen!.datasetId).toBe(datasetId)
    expect(await exampleWriteVersions(db, ask, () => [])).toEqual([])
    expect((await datasetFind(db, tenantId, other.id))!.versionAt).toBe(before)
    expect(await exampleWriteVersions(db, { ...ask, datasetId: randomUUID() }, () => [])).toBeNull()
  })

  test('when two datasets take one new id concurrently, one gets it, and the other sees that', async () => {
    const { tenantId, datasetId } = await place()
    const other = (await datasetInsert(db, tenantId, dataset('other'), now))!
    for (let round = 0; round < 10; round++) {
      const id = randomUUID()
      const outcomes = await Promise.all(
        [datasetId, other.id].map(async (into) =>
          exampleWriteVersions(db, { tenantId, datasetId: into, ids: [id], now }, (_, current) =>
            current.has(id) ? [] : [version(id)],
          ),
        ),
      )
      expect(outcomes.map((rows) => rows!.length).toSorted((a, b) => a - b)).toEqual([0, 1])
    }
  })

  test('lists are newest first, within one request in the order sent; all filters must hold', async () => {
    const { tenantId, datasetId, write, list } = await place()
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()]
    const trace = randomUUID()
    await write([
      version(a, { metadata: '{"k": {"x": 1}}', splits: ['train', 'test'], sourceTraceId: trace }),
      version(b, { inputs: '{"text":"Gr\\u00fc\\u00dfe \\"du\\""}', outputs: '"ja"' }),
    ])
    await write([version(c, { archived: true, outputs: '"100% JA"' })], later)
    expect((await list()).map((row) => row.id)).toEqual([c, a, b])
    const ids = async (filter: object) =>
      (
        await exampleList(db, {
          tenantId,
          filter: { datasetId, ...filter },
          asOf: null,
          limit: 9,
          offset: 0,
        })
      ).map((row) => row.id)
    expect(await ids({ archived: false })).toEqual([a, b])
    expect(await ids({ splits: ['test', 'none'] })).toEqual([a])
    expect(await ids({ metadata: '{"k":{"x":1},"dataset_split":["train"]}' })).toEqual([a])
    expect(await ids({ metadata: '{"dataset_split":["base"]}', archived: true })).toEqual([c])
    expect(await ids({ texts: ['grüße "du"', 'JA'] })).toEqual([b])
    expect(await ids({ texts: ['0% ja'] })).toEqual([c])
    expect(await ids({ sourceTraceId: trace, ids: [a, b] })).toEqual([a])
    expect(await ids({ sourceRunId: trace })).toEqual([])
    expect(
      await exampleCount(db, { tenantId, filter: { datasetId, splits: ['base'] }, asOf: null }),
    ).toBe(2)
    const ordered = async (order: object) =>
      (
        await exampleList(db, {
          tenantId,
          filter: {},
          asOf: null,
          order: order as { by: 'id' },
          limit: 2,
          offset: 1,
        })
      ).map((row) => row.id)
    expect(await ordered({ by: 'id', isAscending: true })).toEqual([a, b, c].toSorted().slice(1))
    expect(await ordered({ by: 'created' })).toEqual([a, b])
    expect(await ordered({ by: 'random', seed: 's' })).toEqual(
      await ordered({ by: 'random', seed: 's' }),
    )
  })

  test('nobody can see or write the examples of another tenant', async () => {
    const mine = await place()
    const theirs = await place()
    const id = randomUUID()
    await mine.write([version(id)])
    expect(await exampleFind(db, theirs.tenantId, id, null)).toBeNull()
    expect(await exampleDeleteMany(db, { tenantId: theirs.tenantId, ids: [id], now })).toEqual([])
    expect(await theirs.write([version(id)], now, mine.datasetId)).toBeNull()
    expect(await theirs.write([version(id)])).toHaveLength(1)
  })
})
