import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closePool } from '../src/store/pool.ts'
import { openRequestPool } from '../src/store/request-pool.ts'
import { withApi } from './api/api-in-process.ts'
import { readRequests } from './history/requests.ts'
import type { History } from './history/rows.ts'
import { withHistory } from './history/store.ts'
import { publish } from './suite/publish.ts'
import type { ReadFigure } from './suite/shapes.ts'
import { percentile } from './suite/spread.ts'

/*
 * Measures lists, filters and totals over everything of a tenant, through HTTP, with the limits that requests have: the
 * first answer, which has to count what lists state the total of, and the median and the 99th percentile of those that
 * follow, in milliseconds. There are four runs and one score per trace. With --fresh nothing is
 * vacuumed or analyzed, as right after a burst.
 *
 *   npm run bench -- reads [--runs 600000] [--projects 2000] [--repeats 20] [--only TEXT] [--over MS] [--fresh]
 *     [--store FOLDER] [--docs] [--smoke]
 *
 * --store is a folder whose Postgres is kept and used again; --over prints only what took longer.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '600000' },
    projects: { type: 'string', default: '2000' },
    repeats: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    over: { type: 'string', default: '0' },
    fresh: { type: 'boolean', default: false },
    store: { type: 'string' },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const sizes = values.smoke
  ? { runs: 600, projects: 10 }
  : { runs: Number(values.runs), projects: Number(values.projects) }
const repeats = values.smoke ? 1 : Number(values.repeats)
/** A request is not repeated once all of its times together are longer than this. */
const enoughMs = 8000

await withHistory(
  sizes,
  { keptIn: values.store, isFresh: values.fresh },
  async (store, history) => {
    const db = openRequestPool(store.databaseUrl)
    try {
      await withApi({ ...store, db, folder: join(store.folder, 'api') }, async (url) => {
        const figures = await readAll(history, url)
        if (values.docs) await publish('reads', { runs: sizes.runs, reads: figures }, { db })
      })
    } finally {
      await closePool(db)
    }
  },
)

async function readAll(history: History, url: string): Promise<ReadFigure[]> {
  const figures: ReadFigure[] = []
  for (const { name, path, body } of readRequests(history)) {
    if (!name.includes(values.only)) continue
    const all: number[] = []
    let answer = { text: '', isRefused: false }
    for (let i = -1; i < repeats && sum(all) < enoughMs; i++) {
      const start = performance.now()
      answer = await ask(url, history, path, body)
      all.push(performance.now() - start)
    }
    const first = all[0]!
    const times = all.length === 1 ? all : all.slice(1)
    const figure = {
      name,
      first,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      found: answer.isRefused ? answer.text : describe(answer.text),
      isRefused: answer.isRefused,
    }
    figures.push(figure)
    if (Math.max(figure.first, figure.p99) < Number(values.over)) continue
    console.log(
      `first ${figure.first.toFixed(1).padStart(8)}  then ${figure.p50.toFixed(1).padStart(8)} ms  p99 ${figure.p99.toFixed(1).padStart(8)} ms  ${name.padEnd(60)} ${figure.found.slice(0, 160)}`,
    )
  }
  return figures
}

function sum(list: number[]): number {
  return list.reduce((total, each) => total + each, 0)
}

/**
 * Returns the text of the answer.
 * @throws for any other status than 200, and what says that a statement took too long
 */
async function ask(
  url: string,
  { secret }: History,
  path: string,
  body: object | undefined,
): Promise<{ text: string; isRefused: boolean }> {
  const answer = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isRefused = answer.status === 413 || answer.status === 422 || answer.status === 400
  if (answer.status !== 200 && !isRefused) throw new Error(`${path}: ${answer.status} ${text}`)
  return { text: isRefused ? `${answer.status} ${text}` : text, isRefused }
}

/** Returns how many rows the answer has, and the total that it states. */
function describe(text: string): string {
  const answer = JSON.parse(text) as
    | unknown[]
    | { data?: unknown[]; runs?: unknown[]; meta?: { totalItems?: number } }
  if (Array.isArray(answer)) return `${answer.length} rows`
  const list = answer.data ?? answer.runs
  if (list === undefined) return 'one object'
  const rows = list.length
  const total = answer.meta?.totalItems
  return total === undefined ? `${rows} rows` : `${rows} of ${total} rows`
}
