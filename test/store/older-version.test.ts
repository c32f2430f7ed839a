import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Run } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Db
const tenantId = deriveId('test', 'tenant')

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
  await db`insert into tenants (id, name, created_at) values (${tenantId}, 'test', now())`
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

/**
 * The `applyEvents` of an older version of the server, whose list of run fields is one shorter: it does not know
 * `isAppRoot`.
 */
async function olderApplyEvents(): Promise<typeof applyEvents> {
  const entities = '../../src/domain/entities.ts'
  vi.resetModules()
  vi.doMock(entities, async (importOriginal) => {
    const original = await importOriginal<typeof import('../../src/domain/entities.ts')>()
    const { run, ...others } = original.entityFields
    return { ...original, entityFields: { run: run.slice(0, -1), ...others } }
  })
  try {
    return (await import('../../src/store/write/ingest.ts')).applyEvents
  } finally {
    vi.doUnmock(entities)
    vi.resetModules()
  }
}

const update = (id: string, second: number, patch: Partial<Run>): IngestEvent => ({
  kind: 'run',
  id,
  externalId: null,
  version: eventVersion('update', fromEpochMs(Date.UTC(2026, 0, 1) + second * 1000)!, ''),
  patch,
})

test.each([
  { before: 'of one event', earlier: [] },
  { before: 'of several events', earlier: [20] },
])(
  'I3: a worker of an older version keeps the clock of a field that it does not know, in a row $before',
  async ({ earlier }) => {
    const older = await olderApplyEvents()
    const id = deriveId('test', 'run', String(earlier.length))
    const apply = async (by: typeof applyEvents, event: IngestEvent) =>
      by(db, [{ tenantId, event }])

    await apply(applyEvents, update(id, 10, { isAppRoot: true }))
    for (const second of earlier) await apply(applyEvents, update(id, second, { name: 'ours' }))
    await apply(older, update(id, 30, { name: 'theirs' }))
    await apply(applyEvents, update(id, 15, { isAppRoot: false }))

    const [row] = await db`select name, is_app_root from runs where id = ${id}`
    expect(row).toEqual({ name: 'theirs', isAppRoot: false })
  },
)
