import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { createExperimentIds } from '../../src/http/experiment-ids.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { experimentDeleteMany, experimentUpsertByName } from '../../src/store/write/experiments.ts'
import { harness } from '../support/harness.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

const now = fromEpochMs(Date.UTC(2026, 0, 21, 14, 35, 42))!

let database: TestDatabase
let db: Db
let tenantId: string

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url)
})
beforeEach(async () => {
  tenantId = (await insertTenant(db)).id
})
afterAll(async () => {
  await closePool(db)
  await database.drop()
})

/** A process whose clock stands at `time.ms`. */
function processAt(time: { ms: number }) {
  const ids = createExperimentIds(db, { now: () => time.ms })
  return async (name: string) => (await ids.resolveNames(tenantId, [name], now)).get(name)!
}

describe('what is held', () => {
  test('a name and an id are not asked for again within the time, and are after it', async () => {
    const time = { ms: 1000 }
    const ids = createExperimentIds(db, { now: () => time.ms })
    const resolve = async () => (await ids.resolveNames(tenantId, ['p'], now)).get('p')!
    const first = await resolve()
    // Made by `resolve`, so the first look-up did not find it.
    expect(await resolve()).toBe(first)
    expect(await ids.listExisting(tenantId, [first])).toEqual(new Set([first]))
    await experimentDeleteMany(db, tenantId, [first], now)
    time.ms += 100
    expect(await resolve()).toBe(first)
    expect(await ids.listExisting(tenantId, [first])).toEqual(new Set([first]))
    time.ms += 150
    expect(await resolve()).not.toBe(first)
    expect(await ids.listExisting(tenantId, [first])).toEqual(new Set())
  })

  test('what is still in use is asked for again, and nobody waits for that', async () => {
    const time = { ms: 1000 }
    const resolve = processAt(time)
    const first = await resolve('p')
    expect(await resolve('p')).toBe(first)
    await experimentDeleteMany(db, tenantId, [first], now)
    const second = await processAt({ ms: 0 })('p')
    time.ms += 130
    expect(await resolve('p')).toBe(first)
    await vi.waitFor(async () => expect(await resolve('p')).toBe(second))
    // Held since it was asked for again.
    await experimentDeleteMany(db, tenantId, [second], now)
    time.ms += 120
    expect(await resolve('p')).toBe(second)
  })

  test('to ask again makes no project', async () => {
    const time = { ms: 1000 }
    const resolve = processAt(time)
    const first = await resolve('p')
    await resolve('p')
    await experimentDeleteMany(db, tenantId, [first], now)
    time.ms += 130
    expect(await resolve('p')).toBe(first)
    // The pool runs statements of a connection in order, so this is after the question on each of its connections.
    await closePool(db)
    db = openPool(database.url)
    expect(await db`select from experiments where tenant_id = ${tenantId}`).toHaveLength(0)
  })

  test('names that are not unique in the tenant are not held, because the newest counts', async () => {
    const inside = async () =>
      (await experimentUpsertByName(db, { tenantId, datasetId: randomUUID(), name: 'x', now })).id
    const resolve = processAt({ ms: 1000 })
    const older = await inside()
    expect(await resolve('x')).toBe(older)
    const newer = await inside()
    expect(await resolve('x')).toBe(newer)
  })

  test('names of one tenant say nothing of those of another', async () => {
    const resolve = processAt({ ms: 1000 })
    const first = await resolve('p')
    expect(await resolve('p')).toBe(first)
    const strangerId = (await insertTenant(db)).id
    tenantId = strangerId
    const own = await resolve('p')
    expect(await db`select id from experiments where tenant_id = ${strangerId}`).toEqual([
      { id: own },
    ])
  })

  test('a name with NUL is found as it is stored', async () => {
    const resolve = processAt({ ms: 1000 })
    const first = await resolve('a\0b')
    expect(await resolve('a\0b')).toBe(first)
    expect(await resolve('a\ufffdb')).toBe(first)
  })
})

test('once a deletion is answered, no other process takes the name for what was deleted', async () => {
  const [writer, deleter] = [createExperimentIds(db), createExperimentIds(db)]
  const resolve = async () => (await writer.resolveNames(tenantId, ['p'], now)).get('p')!
  let last = await resolve()
  for (let i = 0; i < 3; i++) {
    expect(await resolve()).toBe(last)
    await experimentDeleteMany(db, tenantId, [last], now)
    await deleter.untilForgotten()
    const next = await resolve()
    expect(next).not.toBe(last)
    last = next
  }
})

describe('runs that are sent by name right after the answer go to a new project', () => {
  interface Project {
    id: string
    datasetId: string
  }
  type Call = Awaited<ReturnType<typeof harness>>['call']
  test.each<[string, (call: Call, project: Project) => Promise<{ status: number }>]>([
    ['of a deletion', async (call, { id }) => call('DELETE', `/sessions/${id}`)],
    ['of several deletions', async (call, { id }) => call('DELETE', `/sessions?session_ids=${id}`)],
    ['of a new name', async (call, { id }) => call('PATCH', `/sessions/${id}`, { name: 'other' })],
    [
      'of the deletion of its dataset',
      async (call, { datasetId }) => call('DELETE', `/datasets/${datasetId}`),
    ],
    [
      'of its deletion as a dataset run',
      async (call) => call('DELETE', '/api/public/datasets/set/runs/p'),
    ],
  ])('%s', async (_, change) => {
    const h = await harness()
    const { body: dataset } = await h.call('POST', '/datasets', { name: 'set' })
    const made = await h.call('POST', '/sessions', {
      name: 'p',
      reference_dataset_id: dataset.id,
    })
    const send = async (): Promise<string> => {
      const id = randomUUID()
      const run = { id, trace_id: id, name: 'r', run_type: 'chain', session_name: 'p' }
      const post = [{ ...run, start_time: '2026-01-21T14:35:42Z', inputs: {} }]
      expect(await h.call('POST', '/runs/batch', { post })).toMatchObject({ status: 202 })
      return id
    }
    await send()
    await send()
    const project = { id: made.body.id as string, datasetId: dataset.id as string }
    expect((await change(h.call, project)).status).toBe(200)
    const id = await send()
    await h.drain()
    const { body: run } = await h.call('GET', `/runs/${id}`)
    expect(run.session_id).not.toBe(project.id)
    const { body: session } = await h.call('GET', `/sessions/${run.session_id}`)
    expect(session.name).toBe('p')
    await h.close()
  })
})
