import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { eventVersion } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { JobPostponedError } from '../../src/queue/backend.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { aggregateLock } from '../../src/store/write/aggregates/aggregates.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { tenantUpdateRetention } from '../../src/store/write/tenants/retention.ts'
import { aggregateHandler } from '../../workers/aggregate.ts'
import { createApart } from '../../workers/apart.ts'
import { createPace } from '../../workers/pace.ts'
import { createSweep } from '../../workers/sweep.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

async function start() {
  const database = await createTestDatabase()
  onTestFinished(async () => database.drop())
  const db = openPool(database.url, { max: 4 })
  onTestFinished(async () => closePool(db))
  const nudged: string[] = []
  const nudge = async (queue: string, key: string) => void nudged.push(`${queue} ${key}`)
  const queue = { ...inlineBackend(), nudge }
  const log = { info() {}, warn() {}, error() {} }
  const services = {
    db,
    queue,
    log,
    clock: systemClock,
    pace: createPace(),
    apart: createApart(log),
  }

  /** A tenant with a run that is older than it keeps its traces, and a mark that nobody was told of. */
  async function addOverdue(): Promise<string> {
    const { id: tenantId } = await insertTenant(db)
    await tenantUpdateRetention(db, tenantId, 30)
    const at = '2020-01-01T00:00:00.000000Z'
    const id = deriveId('old', tenantId)
    const patch = { traceId: id, name: 'old', startTime: at }
    const version = eventVersion('create', at, id)
    await applyEvents(db, tenantId, [{ kind: 'run', id, externalId: null, version, patch }])
    return tenantId
  }
  return { ...services, services, nudged, addOverdue }
}

test('a part that cannot be looked up keeps no other from being swept', async () => {
  const { db, services, nudged, addOverdue } = await start()
  const tenantId = await addOverdue()
  await db`alter table tombstones rename to tombstones_away`
  await createSweep(services)()
  expect(nudged).toEqual([`aggregate ${tenantId}`, `purge ${tenantId}-age`])
})

test('many tenants that keep traces for a time are looked at over several sweeps', async () => {
  const { services, nudged, addOverdue } = await start()
  for (let i = 0; i < 60; i++) await addOverdue()
  const sweep = createSweep(services)
  const found: number[] = []
  const all = new Set<string>()
  for (let i = 0; i < 3; i++) {
    await sweep()
    const purges = nudged.splice(0).filter((line) => line.endsWith('-age'))
    found.push(purges.length)
    for (const line of purges) all.add(line)
  }
  expect(found).toEqual([50, 10, 50])
  expect(all.size).toBe(60)
})

test('aggregates of a tenant that hang give their place to others, and are given longer the next time', async () => {
  const { db, services, addOverdue } = await start()
  const [hung, other] = [await addOverdue(), await addOverdue()]
  const handler = aggregateHandler(services, 200)
  const context = { signal: new AbortController().signal, places: 2 }
  const refresh = async (tenantId: string) => handler({ tenantId }, context)
  await db.begin(async (holder) => {
    await aggregateLock(holder, hung)
    await expect(refresh(hung)).rejects.toEqual(new JobPostponedError(2_000))
    await refresh(other)
    await expect(refresh(hung)).rejects.toEqual(new JobPostponedError(4_000))
  })
  await refresh(hung)
  expect(await db`select from dirty_traces`).toEqual([])
})
