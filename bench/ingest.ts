import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { eventVersion, type IngestEvent } from '../src/domain/events.ts'
import { foldEvents } from '../src/domain/fold.ts'
import { previewOf } from '../src/domain/json.ts'
import type { Db } from '../src/store/pool.ts'
import { runGenerated } from '../src/store/statements.ts'
import { upsertParameters, upsertText } from '../src/store/write/upsert-sql.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { mb } from './api-process.ts'
import { withFreshStore } from './fresh-store.ts'
import { withServer } from './server-process.ts'

/*
 * Runs accepted over HTTP and readable, per second, against the limit: a bare multi-row upsert of the same rows into
 * the same table, no HTTP and no queue, in the same run (architecture.md 10). Traces of one root and three llm runs
 * with 1 kB of inputs and of outputs each; the server and this load share the machine.
 *
 *   npx tsx bench/ingest.ts [--runs 40000] [--redis redis://127.0.0.1:6379] [--smoke]
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '40000' },
    redis: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const runCount = values.smoke ? 2000 : Number(values.runs)
const runsPerRequest = 100
const requestsAtOnce = 8
const start = Date.UTC(2026, 0, 1)
const body = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }

await withFreshStore(async (store) => {
  const { db } = store
  const tenant = await insertTenant(db)
  const limit = runCount / (await seconds(async () => upsertBare(db, tenant)))
  await withServer(store, { redisUrl: values.redis }, async ({ url, peakMemory }) => {
    // The first requests compile the code that the others run.
    await postRuns(db, url, tenant, 2 * runsPerRequest)
    const reached = runCount / (await seconds(async () => postRuns(db, url, tenant, runCount)))
    const peak = await peakMemory()
    const mode = values.redis === undefined ? 'all in one process' : 'Redis, API and worker apart'
    console.log(
      `ingest, ${mode}: ${runCount} runs, limit ${limit.toFixed(0)}/s, end to end ${reached.toFixed(0)}/s, ratio ${(reached / limit).toFixed(2)}${peak === null ? '' : `, peak ${mb(peak)} MB`}`,
    )
  })
})

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await work()
  return (performance.now() - before) / 1000
}

interface BenchRun {
  id: string
  trace_id: string
  parent_run_id?: string
  run_type: 'chain' | 'llm'
}

function traceOf(): BenchRun[] {
  const root = randomUUID()
  return [
    { id: root, trace_id: root, run_type: 'chain' },
    ...Array.from({ length: 3 }, () => ({
      id: randomUUID(),
      trace_id: root,
      parent_run_id: root,
      run_type: 'llm' as const,
    })),
  ]
}

async function upsertBare(db: Db, tenant: TestTenant): Promise<void> {
  const json = JSON.stringify(body)
  const at = new Date(start).toISOString().replace('Z', '000Z')
  const batch = (): { tenantId: string; event: IngestEvent }[] =>
    Array.from({ length: 250 }, traceOf)
      .flat()
      .map((run) => ({
        tenantId: tenant.id,
        event: {
          kind: 'run',
          id: run.id,
          externalId: null,
          version: eventVersion('create', at, run.id),
          patch: {
            traceId: run.trace_id,
            externalTraceId: null,
            ...(run.parent_run_id === undefined ? {} : { parentRunId: run.parent_run_id }),
            name: 'run',
            runType: run.run_type,
            startTime: at,
            endTime: at,
            inputs: json,
            inputsPreview: previewOf(json),
            outputs: json,
            outputsPreview: previewOf(json),
            createdAt: at,
            updatedAt: at,
          },
        },
      }))
  const batches = Array.from({ length: Math.ceil(runCount / 1000) }, () => foldEvents(batch()).run)
  // Two at once, as two workers would do it, so that the limit is the database's.
  const upsertAll = async (some: typeof batches): Promise<void> => {
    for (const rows of some)
      await runGenerated(db, upsertText('run'), upsertParameters('run', rows))
  }
  const half = Math.ceil(batches.length / 2)
  await Promise.all([upsertAll(batches.slice(0, half)), upsertAll(batches.slice(half))])
}

/** Resolves once all the runs can be read. */
async function postRuns(db: Db, url: string, tenant: TestTenant, count: number): Promise<void> {
  const [before] = await countRuns(db)
  const requests = Array.from({ length: count / runsPerRequest }, () => {
    const runs = Array.from({ length: runsPerRequest / 4 }, traceOf).flat()
    return runs.map((run) => ({
      ...run,
      name: 'run',
      start_time: start,
      end_time: start + 1000,
      inputs: body,
      outputs: body,
    }))
  })
  const send = async (): Promise<void> => {
    for (let runs = requests.pop(); runs !== undefined; runs = requests.pop()) {
      const response = await fetch(`${url}/runs/batch`, {
        method: 'POST',
        headers: { 'x-api-key': tenant.secretKey, 'content-type': 'application/json' },
        body: JSON.stringify({ post: runs }),
      })
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`)
    }
  }
  await Promise.all(Array.from({ length: requestsAtOnce }, send))
  const end = Date.now() + 120_000
  for (;;) {
    const [now] = await countRuns(db)
    if (now!.n >= before!.n + count) return
    if (Date.now() > end) throw new Error(`only ${now!.n - before!.n} of ${count} runs arrived`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function countRuns(pool: Db): Promise<{ n: number }[]> {
  return pool<{ n: number }[]>`select count(*) as n from runs`
}
