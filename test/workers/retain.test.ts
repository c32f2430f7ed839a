import { expect, test } from 'vitest'
import { attachmentsMap } from '../../src/domain/attachments.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs, toEpochMs } from '../../src/domain/timestamp.ts'
import { tenantUpdateRetention } from '../../src/store/write/tenants/retention.ts'
import { createPace } from '../../workers/pace.ts'
import { createProgress } from '../../workers/progress.ts'
import { retain } from '../../workers/retain.ts'
import { chunks } from '../support/bytes.ts'
import { feedbackOn, linkEvent, rootRun } from '../support/comparison-rows.ts'
import { harness, type Harness } from '../support/harness.ts'

const dayMs = 86_400_000
const experimentId = deriveId('test', 'experiment')
const datasetId = deriveId('test', 'dataset')
const exampleId = deriveId('test', 'example')

/** A run with a run item and feedback, that began some days ago. */
function runOf(h: Harness, days: number, name: string, patch = {}): IngestEvent[] {
  const id = deriveId('retained', name)
  const startTime = fromEpochMs(toEpochMs(h.clock.now()) - days * dayMs)!
  const run = rootRun(experimentId, exampleId, { startTime, name, ...patch }, id)
  const link = linkEvent(datasetId, experimentId, exampleId, id)
  return [run, link, feedbackOn({ id }, 'kept', 1)]
}

/** The names of the runs of a tenant, and how many rows of other kinds it has. */
async function rowsOf(h: Harness, tenantId = h.tenant.id) {
  const runs = await h.db<{ name: string }[]>`
    select name from runs where tenant_id = ${tenantId} order by name`
  const [counts] = await h.db<{ traces: number; feedback: number; runItems: number }[]>`
    select (select count(*) from traces where tenant_id = ${tenantId})::integer as traces,
      (select count(*) from feedback where tenant_id = ${tenantId})::integer as feedback,
      (select count(*) from run_items where tenant_id = ${tenantId})::integer as run_items`
  return { runs: runs.map(({ name }) => name), ...counts! }
}

async function sweep(h: Harness): Promise<void> {
  await h.queue.nudge('sweep', 'sweep', {})
  await h.drain()
}

test('a sweep removes what is older than its tenant keeps it, with feedback, run items and attachments, and nothing else', async () => {
  const h = await harness()
  const other = await h.addTenant()
  const blob = await h.blobs.put(h.tenant.id, chunks('a file'), { maxBytes: 100 })
  const file = { name: 'a', blobId: blob.id, mimeType: 'text/plain', size: blob.size }
  const attachments = attachmentsMap([file])
  // More than one step.
  const old = Array.from({ length: 130 }, (_, i) => runOf(h, 40 + i, `old ${i}`)).flat()
  const events = [
    ...old,
    ...runOf(h, 31, 'old with a file', { attachments }),
    ...runOf(h, 29, 'young'),
  ]
  await h.ingest(...events)
  await h.queue.enqueue('ingest', [
    { batchId: deriveId('b'), tenantId: other.id, receivedAt: h.clock.now(), events },
  ])
  await h.drain()
  await sweep(h)
  expect((await rowsOf(h)).runs).toHaveLength(132)

  await tenantUpdateRetention(h.db, h.tenant.id, 30)
  await sweep(h)
  expect(await rowsOf(h)).toEqual({ runs: ['young'], traces: 1, feedback: 1, runItems: 1 })
  expect((await rowsOf(h, other.id)).runs).toHaveLength(132)
  // One purge for each trace would hold up those of everybody for hours.
  expect(await h.db`select from tombstones where purged_at is null`).toEqual([])
  const sums = await h.db`select from trace_aggregates where tenant_id = ${h.tenant.id}`
  expect(sums).toHaveLength(1)

  // The collector waits until the file has not been used for a day.
  h.clock.advance(2 * dayMs)
  await h.queue.nudge('collect', 'marked', { look: 'marked' })
  await h.drain()
  expect(await h.blobs.find(h.tenant.id, blob.id)).toBeNull()

  await tenantUpdateRetention(h.db, h.tenant.id, null)
  h.clock.advance(100 * dayMs)
  await sweep(h)
  expect((await rowsOf(h)).runs).toEqual(['young'])
})

test('it counts what it removes; late events of that stay away, and its tombstones go when such events would be too old', async () => {
  const h = await harness()
  await tenantUpdateRetention(h.db, h.tenant.id, 30)
  const events = runOf(h, 40, 'old')
  await h.ingest(...events)
  const progress = createProgress(h.clock)
  const log = { info() {}, warn() {}, error() {} }
  const services = { db: h.db, queue: h.queue, clock: h.clock, pace: createPace(), log, progress }
  const work = async () => retain(services, h.tenant.id, new AbortController().signal)
  const tombstones = async () =>
    (await h.db`select from tombstones where tenant_id = ${h.tenant.id}`).length
  await work()
  expect(progress.retainedTraces()).toBe(1)
  expect(await tombstones()).toBe(2)
  await h.ingest(...events)
  expect((await rowsOf(h)).runs).toEqual([])

  // A minute later the trace is purged.
  h.clock.advance(120_000)
  await sweep(h)
  h.clock.advance(31 * dayMs)
  await work()
  expect(await tombstones()).toBe(0)
  await h.ingest(...events)
  expect((await rowsOf(h)).runs).toEqual(['old'])
  await work()
  expect(await rowsOf(h)).toMatchObject({ runs: [], traces: 0, feedback: 0 })
  expect(progress.retainedTraces()).toBe(2)
})

test('it removes runs whose trace never came, with their feedback, and dead letters of that age, and nothing younger', async () => {
  const h = await harness()
  const orphan = (days: number): IngestEvent[] => {
    const [run, , feedback] = runOf(h, days, `orphan of ${days}`, {
      parentRunId: deriveId('retained', 'nobody'),
    })
    const { traceId: _, ...patch } = run!.patch as { traceId?: string }
    const { traceId: __, ...said } = feedback!.patch as { traceId?: string }
    return [
      { ...run!, patch },
      { ...feedback!, patch: said },
    ]
  }
  await h.ingest(...orphan(40), ...orphan(20))
  const now = h.clock.now()
  for (const days of [40, 20]) {
    await h.db`
      insert into dead_letters (tenant_id, id, kind, row_id, reason, event, received_at, created_at)
      values (${h.tenant.id}, ${deriveId('letter', String(days))}, 'run', ${deriveId('x')}, ${`${days} days`}, '{}',
        ${now}::timestamptz - make_interval(days => ${days}), now())`
  }
  expect(await rowsOf(h)).toMatchObject({ runs: ['orphan of 20', 'orphan of 40'], feedback: 2 })
  await tenantUpdateRetention(h.db, h.tenant.id, 30)
  await sweep(h)
  expect(await rowsOf(h)).toMatchObject({ runs: ['orphan of 20'], feedback: 1 })
  expect(await h.db`select reason from dead_letters`).toEqual([{ reason: '20 days' }])
})
