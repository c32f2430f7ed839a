import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventVersion } from '../../src/domain/events.ts'
import { experimentId } from '../../src/domain/ids.ts'
import { fromEpochMs, toEpochMs } from '../../src/domain/timestamp.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import {
  experimentFind,
  experimentListExisting,
} from '../../src/store/read/experiments/experiments.ts'
import {
  experimentDeleteMany,
  experimentInsert,
  experimentResolveNames,
  experimentUpdate,
  experimentUpsertByName,
} from '../../src/store/write/experiments.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

const now = fromEpochMs(Date.UTC(2026, 0, 21, 14, 35, 42))!
const later = fromEpochMs(Date.UTC(2026, 0, 21, 15))!

let database: TestDatabase
let db: Db
/** Stands for another process. */
let other: Db
let tenantId: string
const datasetId = randomUUID()

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url)
  other = openPool(database.url)
})
beforeEach(async () => {
  tenantId = (await insertTenant(db)).id
})
afterAll(async () => {
  await closePool(db)
  await closePool(other)
  await database.drop()
})

const byName = (name: string, rest: object = {}) =>
  experimentUpsertByName(db, { tenantId, datasetId, name, now, ...rest })

const insert = (name: string, rest: object = {}, isUpsert = false) =>
  experimentInsert(db, { tenantId, id: null, datasetId, name, now, ...rest }, isUpsert)

describe('experimentUpsertByName', () => {
  test('the id is derived from dataset and name, and the same name gives the same row', async () => {
    const first = await byName('exp')
    expect(first).toMatchObject({
      id: experimentId(datasetId, 'exp', 0),
      name: 'exp',
      metadata: '{}',
    })
    expect(await byName('exp', { now: later })).toEqual(first)
    expect((await byName('exp', { datasetId: randomUUID() })).id).not.toBe(first.id)
    expect((await byName('exp', { datasetId: null })).id).not.toBe(first.id)
  })

  test('two processes that ask concurrently get the same rows', async () => {
    const names = Array.from({ length: 5 }, (_, i) => `race ${i}`)
    const asked = [...names, ...names, ...names, ...names]
    const rows = await Promise.all(
      asked.map((name, i) =>
        experimentUpsertByName(i % 2 === 0 ? db : other, { tenantId, datasetId, name, now }),
      ),
    )
    const resolved = await Promise.all(
      [db, other].map((pool) => experimentResolveNames(pool, tenantId, [...names, 'new'], now)),
    )
    expect(new Set(rows.map((row) => row.id)).size).toBe(5)
    expect(resolved[0]).toEqual(resolved[1])
    expect(resolved[0]!.get('race 3')).toBe(rows[3]!.id)
  })

  test('a description and metadata replace, null keeps, and the time of creation never changes', async () => {
    const made = await byName('exp', { description: 'a', metadata: '{"k":1}' })
    expect(made).toMatchObject({ description: 'a', metadata: '{"k": 1}' })
    const kept = await byName('exp', { description: null, metadata: null, now: later })
    expect(kept).toEqual(made)
    const changed = await byName('exp', { description: 'b', metadata: '{"l":2}', now: later })
    expect(changed).toEqual({ ...made, description: 'b', metadata: '{"l": 2}', updatedAt: later })
  })

  test('creation times strictly increase in whole milliseconds, whatever the clock does', async () => {
    const given = (await byName('far ahead', { createdAt: '2099-01-01T00:00:00.123456Z' }))
      .createdAt
    expect(given).toBe('2099-01-01T00:00:00.123000Z')
    const times: string[] = []
    for (const name of ['a', 'b', 'c']) times.push((await byName(name)).createdAt)
    const resolved = await experimentResolveNames(db, tenantId, ['d', 'e'], now)
    for (const id of resolved.values())
      times.push((await experimentFind(db, tenantId, id))!.createdAt)
    expect(times.map((time) => toEpochMs(time) - toEpochMs(now))).toEqual([0, 1, 2, 3, 4])
    expect((await byName('f', { now: later })).createdAt).toBe(later)
  })

  test('an experiment that LangSmith made on the dataset is found by its name', async () => {
    const made = (await insert('shared'))!
    expect((await byName('shared')).id).toBe(made.id)
    expect((await byName('shared', { datasetId: null })).id).toBe(made.id)
    expect((await byName('shared', { datasetId: randomUUID() })).id).not.toBe(made.id)
  })

  test('a name with NUL and a lone surrogate is stored in a readable form', async () => {
    expect((await byName('a\0b\ud800')).name).toBe('a\ufffdb\ufffd')
    const resolved = await experimentResolveNames(db, tenantId, ['c\0'], now)
    expect([...resolved.keys()]).toEqual(['c\0'])
  })
})

describe('experimentResolveNames', () => {
  test('existing names are found, tenant-wide ones first, and missing ones become plain projects', async () => {
    const inDataset = await byName('inside')
    const wide = (await insert('wide'))!
    await byName('wide', { datasetId: randomUUID() })
    const ids = await experimentResolveNames(
      db,
      tenantId,
      ['inside', 'wide', 'fresh', 'fresh'],
      now,
    )
    expect(ids.get('inside')).toBe(inDataset.id)
    expect(ids.get('wide')).toBe(wide.id)
    expect(await experimentFind(db, tenantId, ids.get('fresh')!)).toMatchObject({
      id: experimentId(null, 'fresh', 0),
      datasetId: null,
    })
    expect(ids.size).toBe(3)
  })

  test('another tenant has its own experiments', async () => {
    const stranger = (await insertTenant(db)).id
    const ids = await experimentResolveNames(db, stranger, ['default'], now)
    expect(await experimentListExisting(db, tenantId, [...ids.values()])).toEqual(new Set())
    expect(await experimentListExisting(db, stranger, [...ids.values(), randomUUID()])).toEqual(
      new Set(ids.values()),
    )
  })
})

describe('experimentInsert and experimentUpdate', () => {
  test('a name is unique in the tenant, and also differs from names inside datasets', async () => {
    await byName('inside')
    expect(await insert('inside')).toBeNull()
    const made = (await insert('mine'))!
    expect(await insert('mine')).toBeNull()
    expect(await insert('another name', { id: made.id })).toBeNull()
    expect(await experimentUpdate(db, { tenantId, id: made.id, name: 'inside', now })).toBe(
      'conflict',
    )
    expect(await experimentUpdate(db, { tenantId, id: made.id, name: 'mine', now })).toMatchObject({
      name: 'mine',
    })
    expect(await experimentUpdate(db, { tenantId, id: randomUUID(), name: 'x', now })).toBeNull()
  })

  test('an upsert changes what it is given, an update keeps what is null', async () => {
    const made = (await insert('x', {
      description: 'a',
      extra: '{"n": 1.0}',
      metadata: '{"a":1}',
    }))!
    const upserted = await insert('x', { description: 'b', endTime: later }, true)
    expect(upserted).toEqual({ ...made, description: 'b', endTime: later })
    const updated = await experimentUpdate(db, {
      tenantId,
      id: made.id,
      extra: '{}',
      metadata: '{"b":2}',
      endTime: null,
      now: later,
    })
    expect(updated).toMatchObject({
      description: 'b',
      endTime: later,
      extra: '{}',
      metadata: '{"b": 2}',
      updatedAt: later,
    })
  })
})

describe('experimentDeleteMany', () => {
  test('the name is free at once, under another id, and late events are not stored', async () => {
    const first = await byName('exp')
    expect(await experimentDeleteMany(db, tenantId, [first.id, randomUUID()], now)).toEqual([
      first.id,
    ])
    expect(await experimentDeleteMany(db, tenantId, [first.id], now)).toEqual([])
    const second = await byName('exp')
    expect(second.id).toBe(experimentId(datasetId, 'exp', 1))
    const late = { traceId: randomUUID(), experimentId: first.id, name: 'late' }
    await applyEvents(db, tenantId, [
      {
        kind: 'run',
        id: randomUUID(),
        externalId: null,
        version: eventVersion('create', now, 'late'),
        patch: late,
      },
    ])
    expect(await db`select id from runs where tenant_id = ${tenantId}`).toHaveLength(0)
    expect(await insert('other', { id: first.id })).toBeNull()
  })

  test('a name whose id a renamed or deleted experiment holds gets a free id', async () => {
    const first = await byName('a')
    await experimentUpdate(db, { tenantId, id: first.id, name: 'b', now })
    const second = await byName('a')
    expect(second.id).toBe(experimentId(datasetId, 'a', 1))
    await experimentDeleteMany(db, tenantId, [first.id], now)
    await experimentDeleteMany(db, tenantId, [second.id], now)
    expect((await byName('a')).id).toBe(experimentId(datasetId, 'a', 2))
  })
})
