import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import { createExperimentIds } from '../src/http/experiment-ids.ts'
import type { Services } from '../src/http/services.ts'
import { payloadOf, translateRuns } from '../src/http/langsmith/ingest/run-to-events.ts'
import { applyEvents } from '../src/store/write/ingest.ts'
import { createRunPricer } from '../src/store/write/prices/run-prices.ts'
import { inlineBackend } from '../src/queue/backends/inline.ts'
import { tenantUpdateRetention } from '../src/store/write/tenants/retention.ts'
import { createPace } from '../workers/pace.ts'
import { createProgress } from '../workers/progress.ts'
import { retain } from '../workers/retain.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore, type FreshStore } from './fresh-store.ts'

/*
 * What it takes to apply a batch, as a worker does it, without HTTP and without a queue: processor time of this process
 * and of Postgres for each run. The events are those of bench/ingest.ts: traces of one root and three llm runs with
 * 1 kB of inputs and of outputs each. They are made before the clock starts, and two batches are in progress at a time. The
 * runs of a batch are of as many tenants as asked for, each of which has a transaction of its own.
 *
 * With `--retain` another tenant's old traces are removed during every second round, as the retention of a worker does it.
 *
 *   npm run bench -- apply [--rounds 7] [--batches 20] [--runs 600] [--tenants 1] [--usage] [--retain] [--stock 15] [--smoke]
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    batches: { type: 'string', default: '20' },
    runs: { type: 'string', default: '600' },
    tenants: { type: 'string', default: '1' },
    usage: { type: 'boolean', default: false },
    retain: { type: 'boolean', default: false },
    stock: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const rounds = values.smoke ? 2 : Number(values.rounds)
const batchesPerRound = values.smoke ? 4 : Number(values.batches)
const runsPerBatch = values.smoke ? 40 : Number(values.runs)
const tenantsPerBatch = Number(values.tenants)
const runsPerTenant = 4 * Math.max(1, Math.round(runsPerBatch / tenantsPerBatch / 4))
const start = Date.UTC(2026, 0, 1)
const body = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }
const usage = { usage_metadata: { input_tokens: 1000, output_tokens: 300, total_tokens: 1300 } }

await withFreshStore(measure, { stock: values.stock })

async function measure({ db, serverCpu }: FreshStore): Promise<void> {
  const tenants: string[] = []
  while (tenants.length < tenantsPerBatch) tenants.push((await insertTenant(db)).id)
  const prices = createRunPricer(() => {})
  const services = { clock: systemClock, experimentIds: createExperimentIds(db) } as Services
  type Figures = Record<'worker' | 'postgres' | 'perSecond', number>
  const seen: Figures[] = []
  const beside: Figures[] = []
  const retention = values.retain ? await prepareRetention(db, services) : null
  // The first round compiles code and makes plans.
  for (let round = 0; round <= rounds; round += 1) {
    const batches: Map<string, IngestEvent[]>[] = []
    while (batches.length < batchesPerRound) batches.push(await batchOf(services, tenants))
    const apply = async (): Promise<void> => {
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop())
        for (const [tenantId, events] of batch) await applyEvents(db, tenantId, events, prices)
    }
    globalThis.gc?.()
    const before = { node: process.cpuUsage(), postgres: await serverCpu(), at: performance.now() }
    const isBeside = retention !== null && round % 2 === 1
    const end = new AbortController()
    const removed = isBeside ? retention(end.signal) : null
    await Promise.all([apply(), apply()])
    const endedAt = performance.now()
    end.abort()
    const { user, system } = process.cpuUsage(before.node)
    const seconds = (endedAt - before.at) / 1000
    await removed
    const postgres = ((await serverCpu()) ?? Number.NaN) - (before.postgres ?? Number.NaN)
    const runs = batchesPerRound * tenantsPerBatch * runsPerTenant
    if (round === 0) continue
    const figures = isBeside ? beside : seen
    figures.push({
      worker: (user + system) / runs,
      postgres: postgres / runs,
      perSecond: runs / seconds,
    })
  }
  const told = (figures: Figures[]): string => {
    const of = (name: keyof Figures): string => spread(figures.map((each) => each[name]))
    return `µs per run, worker ${of('worker')}, Postgres ${of('postgres')}; ${of('perSecond')} runs/s`
  }
  const server = values.stock === undefined ? 'embedded' : `stock ${values.stock}`
  console.log(
    `apply, ${server}${values.usage ? ', usage in three of four' : ''}, ${tenantsPerBatch} tenants in a batch: ${told(seen)}`,
  )
  if (retention !== null) {
    console.log(`while old traces of another tenant were removed: ${told(beside)}`)
  }
}

/**
 * Fills a tenant with traces that are too old, enough for all rounds.
 * @returns removes them until it is told to stop
 */
async function prepareRetention(
  db: FreshStore['db'],
  services: Services,
): Promise<(signal: AbortSignal) => Promise<void>> {
  const { id } = await insertTenant(db)
  for (let batch = 0; batch < rounds * batchesPerRound; batch += 1)
    await applyEvents(db, id, await eventsOf(services, id))
  await tenantUpdateRetention(db, id, 1)
  const log = { info() {}, warn() {}, error: console.error }
  const queue = inlineBackend()
  await queue.start()
  const progress = createProgress(systemClock)
  const worker = { db, queue, clock: systemClock, pace: createPace(), log, progress }
  return async (signal) => {
    const before = progress.retainedTraces()
    const stopped = (error: unknown): void => {
      if (!signal.aborted) throw error
    }
    while (!signal.aborted) await retain(worker, id, signal).catch(stopped)
    console.log(`${progress.retainedTraces() - before} traces were removed meanwhile`)
  }
}

/** A batch: the events of each tenant. */
async function batchOf(
  services: Services,
  tenants: readonly string[],
): Promise<Map<string, IngestEvent[]>> {
  const batch = new Map<string, IngestEvent[]>()
  for (const tenantId of tenants) batch.set(tenantId, await eventsOf(services, tenantId))
  return batch
}

/** Events as they come out of a queue: plain JSON. */
async function eventsOf(services: Services, tenantId: string): Promise<IngestEvent[]> {
  const runs = Array.from({ length: runsPerTenant / 4 }, traceOf).flat()
  const payloads = runs.map((run, i) =>
    payloadOf('create', null, JSON.stringify(run), ['body', 'post', i]),
  )
  const { events } = await translateRuns(services, tenantId, payloads)
  return JSON.parse(JSON.stringify(events)) as IngestEvent[]
}

function traceOf(): object[] {
  const root = randomUUID()
  const given = {
    trace_id: root,
    name: 'run',
    start_time: start,
    end_time: start + 1000,
    inputs: body,
  }
  const call = { ...given, run_type: 'llm', parent_run_id: root }
  return [
    { ...given, id: root, run_type: 'chain', outputs: body },
    ...Array.from({ length: 3 }, () => ({
      ...call,
      id: randomUUID(),
      outputs: values.usage ? { ...body, ...usage } : body,
      ...(values.usage ? { extra: { metadata: { ls_model_name: 'gpt-4o' } } } : {}),
    })),
  ]
}

/** The median, and the smallest and the largest in brackets. */
function spread(numbers: number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  const [low, median, high] = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!]
  return `${median.toFixed(0)} (${low.toFixed(0)}–${high.toFixed(0)})`
}
