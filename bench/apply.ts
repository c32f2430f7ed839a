import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/domain/clock.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import type { Services } from '../src/http/services.ts'
import { payloadOf, translateRuns } from '../src/http/langsmith/ingest/run-to-events.ts'
import { applyEvents, type TenantEvent } from '../src/store/write/ingest.ts'
import { createRunPricer } from '../src/store/write/prices/run-prices.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore, type FreshStore } from './fresh-store.ts'

/*
 * What it takes to apply a batch, as a worker does it, without HTTP and without a queue: processor time of this process
 * and of Postgres for each run. The events are those of bench/ingest.ts: traces of one root and three llm runs with
 * 1 kB of inputs and of outputs each. They are made before the clock starts, and two batches are in progress at a time.
 *
 *   npm run bench -- apply [--rounds 7] [--batches 20] [--runs 600] [--usage] [--stock 15] [--smoke]
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    batches: { type: 'string', default: '20' },
    runs: { type: 'string', default: '600' },
    usage: { type: 'boolean', default: false },
    stock: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const rounds = values.smoke ? 2 : Number(values.rounds)
const batchesPerRound = values.smoke ? 4 : Number(values.batches)
const runsPerBatch = values.smoke ? 40 : Number(values.runs)
const start = Date.UTC(2026, 0, 1)
const body = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }
const usage = { usage_metadata: { input_tokens: 1000, output_tokens: 300, total_tokens: 1300 } }

await withFreshStore(measure, { stock: values.stock })

async function measure({ db, serverCpu }: FreshStore): Promise<void> {
  const { id: tenantId } = await insertTenant(db)
  const prices = createRunPricer(() => {})
  const services = { db, clock: systemClock } as Services
  const seen: { worker: number; postgres: number; perSecond: number }[] = []
  // The first round compiles code and makes plans.
  for (let round = 0; round <= rounds; round += 1) {
    const batches: TenantEvent[][] = []
    while (batches.length < batchesPerRound) batches.push(await batchOf(services, tenantId))
    const apply = async (): Promise<void> => {
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop())
        await applyEvents(db, batch, prices)
    }
    globalThis.gc?.()
    const before = { node: process.cpuUsage(), postgres: await serverCpu(), at: performance.now() }
    await Promise.all([apply(), apply()])
    const { user, system } = process.cpuUsage(before.node)
    const seconds = (performance.now() - before.at) / 1000
    const postgres = ((await serverCpu()) ?? Number.NaN) - (before.postgres ?? Number.NaN)
    const runs = batchesPerRound * runsPerBatch
    if (round > 0)
      seen.push({
        worker: (user + system) / runs,
        postgres: postgres / runs,
        perSecond: runs / seconds,
      })
  }
  const of = (name: keyof (typeof seen)[0]): string => spread(seen.map((each) => each[name]))
  const server = values.stock === undefined ? 'embedded' : `stock ${values.stock}`
  console.log(
    `apply, ${server}${values.usage ? ', usage in three of four' : ''}: µs per run, worker ${of('worker')}, Postgres ${of('postgres')}; ${of('perSecond')} runs/s`,
  )
}

/** The batch as it comes out of a queue: plain JSON. */
async function batchOf(services: Services, tenantId: string): Promise<TenantEvent[]> {
  const runs = Array.from({ length: runsPerBatch / 4 }, traceOf).flat()
  const payloads = runs.map((run, i) =>
    payloadOf('create', null, JSON.stringify(run), ['body', 'post', i]),
  )
  const { events } = await translateRuns(services, tenantId, payloads)
  const queued = JSON.parse(JSON.stringify(events)) as IngestEvent[]
  return queued.map((event) => ({ tenantId, event }))
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
