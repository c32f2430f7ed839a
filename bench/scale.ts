import { parseArgs } from 'node:util'
import { closePool } from '../src/store/pool.ts'
import { openRequestPool } from '../src/store/request-pool.ts'
import { withApi } from './api/api-in-process.ts'
import type { FreshStore } from './fresh-store.ts'
import { examplesPerDataset, runsPerTrace, type History } from './history/rows.ts'
import { withHistory } from './history/store.ts'
import { createChanges } from './suite/changes.ts'
import { measureIngestInto } from './suite/ingest-into.ts'
import { publish } from './suite/publish.ts'
import type { Latency, ScaleFigure } from './suite/shapes.ts'
import { percentile } from './suite/spread.ts'
import { readStatistics } from './suite/statistics-reads.ts'
import { tableText } from './suite/table.ts'

/*
 * What depends on how much is stored, at several sizes of one tenant's history: runs accepted and readable per second
 * beside the floor, the comparison page, lists, and the statistics of the largest project right after a write. All of it
 * is to stay flat.
 *
 *   npm run bench -- scale [--sizes 100000,1000000,10000000] [--store FOLDER] [--repeats 60] [--runs 20000] [--passes 3]
 *     [--docs] [--smoke]
 *
 * --store is a folder that is kept: 10 M runs take a quarter of an hour to make and 24 GB. A history of up to 2 M runs is
 * copied before it is used; what is written into a larger one stays there, and is little of it.
 */

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100000,1000000,10000000' },
    store: { type: 'string' },
    repeats: { type: 'string', default: '60' },
    runs: { type: 'string', default: '20000' },
    passes: { type: 'string', default: '3' },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const sizes = values.smoke ? [2000] : values.sizes.split(',').map(Number)
const repeats = values.smoke ? 3 : Number(values.repeats)
const ingest = {
  runs: values.smoke ? 400 : Number(values.runs),
  passes: values.smoke ? 1 : Number(values.passes),
}
const projects = 2000
const copiedUpTo = 2_000_000
/** What is written in a quarter of a second at 2,000 events a second: workers refresh no less often. */
const eventsBetween = 500

const figures: ScaleFigure[] = []
for (const runs of sizes) {
  console.error(`${runs} runs`)
  const isScratch = runs <= copiedUpTo
  await withHistory(
    { runs, projects: Math.min(projects, runs / 100) },
    { keptIn: values.store, isScratch },
    async (store, history) => {
      figures.push(await measure(store, history, runs))
      if (runs !== sizes.at(-1)) return
      print()
      if (values.docs) await publish('scale', { sizes: figures }, { db: store.db })
    },
  )
}

async function measure(store: FreshStore, history: History, runs: number): Promise<ScaleFigure> {
  const { tenantId, projectId, secret, datasetId, comparedIds } = history
  const { db } = store
  const requests = openRequestPool(store.databaseUrl)
  const write = createChanges(db, {
    tenantId,
    experimentId: projectId,
    traces: Math.ceil(runs / runsPerTrace),
    runsPerTrace,
  })
  let found: Omit<ScaleFigure, 'runs' | 'ingest'> | undefined
  try {
    await withApi({ ...store, db: requests }, async (url) => {
      const post = async (path: string, body: object) => ask(`${url}${path}`, secret, body)
      const get = async (path: string) => ask(`${url}${path}`, secret)
      found = {
        comparison: await time(
          async () =>
            post(`/datasets/${datasetId}/runs`, {
              session_ids: comparedIds,
              limit: examplesPerDataset,
            }),
          values.smoke ? undefined : examplesPerDataset,
        ),
        runsOfProject: await time(async () => post('/runs/query', { session: [projectId] })),
        traces: await time(async () => get('/api/public/traces')),
        observations: await time(async () => get('/api/public/v2/observations')),
        statistics: latencyOf(
          await readStatistics(db, url, history, write, { reads: repeats, eventsBetween }),
        ),
      }
    })
  } finally {
    await closePool(requests)
  }
  return { runs, ingest: await measureIngestInto(store, history, ingest), ...found! }
}

async function ask(url: string, secret: string, body?: object): Promise<unknown[] | object> {
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${text}`)
  return JSON.parse(text) as object
}

/** @param rows how many rows the answer must have */
async function time(read: () => Promise<unknown>, rows?: number): Promise<Latency> {
  const times: number[] = []
  // The first ones warm up.
  for (let i = -5; i < repeats; i++) {
    const begun = performance.now()
    const answer = await read()
    if (i >= 0) times.push(performance.now() - begun)
    if (rows !== undefined && (answer as unknown[]).length !== rows) {
      throw new Error(`${(answer as unknown[]).length} rows`)
    }
  }
  return latencyOf(times)
}

function latencyOf(times: readonly number[]): Latency {
  return { p50: percentile(times, 50), p99: percentile(times, 99) }
}

function print(): void {
  const both = ({ p50, p99 }: Latency): string => `${p50.toFixed(1)} / ${p99.toFixed(1)}`
  const rows = figures.map((each) => [
    String(each.runs),
    `${each.ingest.endToEnd.toFixed(0)} (${each.ingest.ratio.toFixed(3)})`,
    both(each.comparison),
    both(each.runsOfProject),
    both(each.traces),
    both(each.observations),
    both(each.statistics),
  ])
  const head = ['runs stored', 'runs/s (of the floor)', 'comparison, ms', 'runs of a project']
  console.log(
    tableText({ head: [...head, 'traces', 'v2 observations', 'statistics after a write'], rows }),
  )
}
