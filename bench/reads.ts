import { parseArgs } from 'node:util'
import { withApi } from './api-in-process.ts'
import { withFreshStore } from './fresh-store.ts'
import { fillReads, type ReadSubject } from './read-rows.ts'

/*
 * Measures lists, filters and totals over everything of a tenant, through HTTP: the median milliseconds of each.
 * There are three runs and one score per trace. It makes a database of its own in a temporary folder, or takes
 * --database-url (an empty database, or one that an earlier run has filled; it is left filled). With --fresh nothing
 * is vacuumed or analyzed, as right after a burst.
 *
 *   npx tsx bench/reads.ts [--runs 600000] [--experiments 50] [--projects 2000] [--repeats 7] [--only TEXT] [--fresh] [--smoke]
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '600000' },
    experiments: { type: 'string', default: '50' },
    projects: { type: 'string', default: '2000' },
    repeats: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    fresh: { type: 'boolean', default: false },
    'database-url': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const sizes = values.smoke
  ? { runs: 600, experiments: 5, projects: 10 }
  : {
      runs: Number(values.runs),
      experiments: Number(values.experiments),
      projects: Number(values.projects),
    }
const repeats = values.smoke ? 1 : Number(values.repeats)
/** A request that takes longer than this is not repeated. */
const enoughMs = 5000

await withFreshStore(
  async (store) => {
    const started = performance.now()
    const subject = await fillReads(store.db, sizes, !values.fresh)
    console.log(
      `${sizes.runs} runs, filled in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    )
    await withApi(store, async (url) => readAll(subject, url))
  },
  {
    databaseUrl: values['database-url'],
    settings: values.fresh ? { autovacuum: 'off' } : {},
  },
)

async function readAll(subject: ReadSubject, url: string): Promise<void> {
  for (const { name, path, body } of requests(subject)) {
    if (!name.includes(values.only)) continue
    const times: number[] = []
    let found = ''
    // The first request warms up.
    for (let i = -1; i < repeats && sum(times) < enoughMs; i++) {
      const start = performance.now()
      const answer = await ask(url, subject, path, body)
      times.push(performance.now() - start)
      if (i === -1) {
        found = describe(answer)
        if (times[0]! < enoughMs) times.pop()
      }
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
    console.log(`${median.toFixed(1).padStart(8)} ms  ${name.padEnd(48)} ${found}`)
  }
}

function sum(list: number[]): number {
  return list.reduce((total, each) => total + each, 0)
}

/**
 * Returns the text of the answer.
 * @throws for any other status than 200
 */
async function ask(
  url: string,
  { secret }: ReadSubject,
  path: string,
  body: object | undefined,
): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
  return text
}

/** Returns how many rows the answer has, and the total that it states. */
function describe(text: string): string {
  const answer = JSON.parse(text) as
    | unknown[]
    | { data?: unknown[]; runs?: unknown[]; meta?: { totalItems?: number } }
  if (Array.isArray(answer)) return `${answer.length} rows`
  const rows = (answer.data ?? answer.runs ?? []).length
  const total = answer.meta?.totalItems
  return total === undefined ? `${rows} rows` : `${rows} of ${total} rows`
}

interface ReadRequest {
  name: string
  path: string
  body?: object
}

function requests({ projectId, datasetId }: ReadSubject): ReadRequest[] {
  const langfuse = (route: string, parameters: Record<string, unknown> = {}): ReadRequest => {
    const told = Object.entries(parameters).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    return {
      name: `${route} ${told.map(([key, value]) => `${key}=${nameOf(value!)}`).join(' ')}`,
      path: `/api/public/${route}?${new URLSearchParams(told as [string, string][]).toString()}`,
    }
  }
  const filter = (column: string, type: string, operator: string, value: unknown, key?: string) => [
    { column, type, operator, value, ...(key === undefined ? {} : { key }) },
  ]
  const langsmith = (path: string): ReadRequest => ({
    name: `langsmith ${path.slice(0, 60)}`,
    path,
  })
  const runs = (name: string, body: object): ReadRequest => ({
    name: `runs/query ${name}`,
    path: '/runs/query',
    body,
  })
  const session = [projectId]
  return [
    langfuse('traces'),
    langfuse('traces', { page: '1000' }),
    langfuse('traces', { fields: 'core' }),
    langfuse('traces', { name: 'name 3' }),
    langfuse('traces', { name: 'no such' }),
    langfuse('traces', { userId: 'user 123' }),
    langfuse('traces', { sessionId: 'thread 100' }),
    langfuse('traces', { sessionId: 'thread of all' }),
    langfuse('traces', { tags: 'tag 3' }),
    langfuse('traces', { tags: 'topic 30' }),
    langfuse('traces', { environment: 'staging' }),
    langfuse('traces', { orderBy: 'name.asc' }),
    langfuse('traces', { filter: filter('name', 'string', 'contains', 'ame 3') }),
    langfuse('traces', { filter: filter('metadata', 'stringObject', '=', 'r2', 'release') }),
    langfuse('traces', { filter: filter('scores', 'numberObject', '>', 3, 'correctness') }),
    langfuse('traces', { filter: filter('scores', 'numberObject', '>', 3, 'rare') }),
    langfuse('traces', {
      filter: filter('score_categories', 'categoryOptions', 'any of', ['label 3'], 'label'),
    }),
    langfuse('traces', {
      filter: filter('score_categories', 'categoryOptions', 'none of', ['label 3'], 'label'),
    }),
    langfuse('traces', { filter: filter('latency', 'number', '>', 1.9) }),
    langfuse('traces', { filter: filter('totalCost', 'number', '>', 0) }),
    langfuse('sessions'),
    langfuse('sessions', { environment: 'staging' }),
    langfuse('sessions', { fromTimestamp: '2026-01-05T00:00:00Z' }),
    langfuse('experiments', { fromStartTime: '2025-01-01T00:00:00Z' }),
    langfuse('experiments', { fromStartTime: '2026-01-05T00:00:00Z' }),
    langfuse('experiments', {
      fromStartTime: '2025-01-01T00:00:00Z',
      fields: 'core,metrics,scores',
    }),
    langfuse('experiment-items', { fromStartTime: '2025-01-01T00:00:00Z' }),
    langfuse('observations'),
    langfuse('observations', { type: 'GENERATION' }),
    langfuse('observations', { name: 'step 2' }),
    langfuse('observations', { name: 'name 3' }),
    langfuse('observations', { level: 'ERROR' }),
    langfuse('observations', { userId: 'user 123' }),
    langfuse('v2/observations'),
    langfuse('v2/observations', { type: 'GENERATION' }),
    langfuse('v2/observations', { name: 'no such' }),
    langfuse('v2/observations', { userId: 'user 123' }),
    langfuse('v2/observations', { sessionId: 'thread 100' }),
    langfuse('scores'),
    langfuse('scores', { name: 'rare' }),
    langfuse('scores', { userId: 'user 123' }),
    langfuse('v2/scores'),
    langfuse('v2/scores', { name: 'rare' }),
    langfuse('v2/scores', { filter: filter('traceName', 'string', '=', 'name 3') }),
    langfuse('v2/scores', { dataType: 'CATEGORICAL' }),
    langfuse('v3/scores'),
    langfuse('v3/scores', { name: 'rare' }),
    langfuse('v3/scores', { name: 'no such' }),
    runs('of a project', { session }),
    runs('roots of a project', { session, is_root: true }),
    runs('by a score', {
      session,
      filter: 'and(eq(feedback_key, "correctness"), gt(feedback_score, 3))',
    }),
    runs('by a rare score', {
      session,
      filter: 'and(eq(feedback_key, "rare"), gt(feedback_score, 3))',
    }),
    runs('roots by no score', { session, is_root: true, filter: 'eq(feedback_key, "none")' }),
    runs('by a name there is not', { session, filter: 'eq(name, "none")' }),
    runs('by a tag there is not', { session, filter: 'has(tags, "none")' }),
    runs('by metadata there is not', {
      session,
      filter: 'and(eq(metadata_key, "none"), eq(metadata_value, "x"))',
    }),
    runs('errors', { session, error: true }),
    runs('of an example', { reference_example: projectId }),
    langsmith('/feedback'),
    langsmith('/feedback?offset=100000'),
    langsmith('/feedback?key=rare'),
    langsmith('/feedback?key=none'),
    langsmith(`/feedback?session=${projectId}`),
    langsmith('/feedback?source=model'),
    langsmith('/sessions'),
    langsmith('/sessions?include_stats=true'),
    langsmith('/sessions?sort_by=latency_p50'),
    langsmith(
      '/sessions?sort_by=feedback&sort_by_feedback_source=run&sort_by_feedback_key=correctness',
    ),
    langsmith(`/sessions?reference_dataset=${datasetId}`),
  ]
}

function nameOf(value: string): string {
  return value.replace(/[[\]{}"]/g, '').slice(0, 90)
}
