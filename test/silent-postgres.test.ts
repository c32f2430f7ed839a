import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startFaultProxy, type FaultProxy } from '../chaos/proxy.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from './support/postgres.ts'
import { startRedis, testsRunOnRedis, type RedisServer } from './support/redis.ts'
import { startRunmill, type RunmillProcess } from './support/runmill-process.ts'
import { insertTenant, type TestTenant } from './support/tenant.ts'

/** SPEC I6 and I7: while Postgres answers nobody, clients get their answers all the same, and nothing is lost. */

let database: TestDatabase
let db: Db
let proxy: FaultProxy
let redis: RedisServer | null
let server: RunmillProcess
let tenant: TestTenant
let url: string

beforeEach(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
  tenant = await insertTenant(db)
  proxy = await startFaultProxy(Number(new URL(database.url).port))
  redis = null
})

afterEach(async () => {
  server.signal('SIGKILL')
  await server.exited
  await proxy.close()
  await closePool(db)
  await redis?.stop()
  await database.drop()
})

async function start(queue: string): Promise<void> {
  if (queue === 'redis') redis = await startRedis(['--maxmemory-policy', 'noeviction'])
  const through = new URL(database.url)
  through.host = `127.0.0.1:${proxy.port}`
  server = startRunmill({
    DATABASE_URL: through.href,
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    INTERACTIVE_WAIT_MS: '1000',
  })
  url = await server.ready
}

interface Answer {
  status: number
  retryAfter: string | null
  body: unknown
}

/** Far longer than an answer may take, so that a busy machine does not matter; far shorter than a statement's limit. */
const limitMs = 20_000

async function send(path: string, body?: unknown, headers = {}): Promise<Answer> {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(path.startsWith('/api/public')
        ? { authorization: tenant.basic }
        : { 'x-api-key': tenant.secretKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(limitMs),
  })
  const { status } = response
  return { status, retryAfter: response.headers.get('retry-after'), body: await response.json() }
}

const ids = {
  trace: randomUUID(),
  run: randomUUID(),
  span: randomUUID(),
  feedback: randomUUID(),
  configured: randomUUID(),
  score: randomUUID(),
  item: randomUUID(),
}
const time = '2026-01-21T14:35:42.000Z'

/** What needs Postgres for nothing but the key. */
const accepting: Record<string, () => Promise<Answer>> = {
  feedback: async () =>
    send('/feedback', { id: ids.feedback, run_id: ids.run, key: 'correct', score: 1 }),
  score: async () =>
    send('/api/public/scores', { id: ids.score, traceId: ids.trace, name: 'correct', value: 1 }),
}

/** What needs more of it: the id of a project, if nothing else. */
const others: Record<string, () => Promise<Answer>> = {
  'Langfuse ingestion': async () =>
    send('/api/public/ingestion', {
      batch: [{ id: ids.trace, type: 'trace-create', timestamp: time, body: { id: ids.trace } }],
    }),
  'LangSmith batch': async () =>
    send('/runs/batch', {
      post: [{ id: ids.run, name: 'run', run_type: 'chain', start_time: time, inputs: {} }],
    }),
  OTLP: async () =>
    send('/v1/traces', {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  traceId: ids.span.replaceAll('-', ''),
                  spanId: ids.span.slice(0, 8).repeat(2),
                  name: 'span',
                  startTimeUnixNano: '1769006142000000000',
                },
              ],
            },
          ],
        },
      ],
    }),
  'feedback with a config': async () =>
    send('/feedback', {
      id: ids.configured,
      run_id: ids.run,
      key: 'grade',
      score: 1,
      feedback_config: { type: 'continuous' },
    }),
  'a dataset': async () => send('/datasets', { name: 'made' }),
  'a run item': async () =>
    send('/api/public/dataset-run-items', {
      runName: 'experiment',
      datasetItemId: ids.item,
      traceId: ids.trace,
    }),
  'a list': async () => send('/sessions'),
  'a query of runs': async () => send('/runs/query', { session: [randomUUID()] }),
  'a list of Langfuse': async () => send('/api/public/traces'),
}

const unavailable = 'Service temporarily unavailable'
const langfuseShape = { message: unavailable, error: 'ServiceUnavailable' }
const shapes: Record<string, unknown> = {
  score: langfuseShape,
  'Langfuse ingestion': langfuseShape,
  'LangSmith batch': { error: unavailable },
  OTLP: { code: 14, message: unavailable },
  'a run item': langfuseShape,
  'a list of Langfuse': langfuseShape,
}

async function answersOf(requests: typeof accepting): Promise<Record<string, Answer>> {
  const named = Object.entries(requests).map(async ([name, ask]) => [name, await ask()] as const)
  return Object.fromEntries(await Promise.all(named))
}

/** Each is refused in its dialect's own shape, and told when to come again. */
function refusals(requests: typeof accepting): Record<string, Answer> {
  const refusal = (name: string): Answer => ({
    status: 503,
    retryAfter: '5',
    body: shapes[name] ?? { detail: unavailable },
  })
  return Object.fromEntries(Object.keys(requests).map((name) => [name, refusal(name)]))
}

const unknownKey = {
  'an unknown key': async () => send('/sessions', undefined, { 'x-api-key': 'sk-lf-unknown' }),
}

/** A download of 20 MB that has begun, and of which nothing more is read. */
async function begunExport(): Promise<Response> {
  const dataset = await send('/datasets', { name: 'exported' })
  const { id } = dataset.body as { id: string }
  const examples = Array.from({ length: 200 }, () => ({ dataset_id: id, inputs: {} }))
  expect((await send('/examples/bulk', examples)).status).toBe(200)
  await db`update examples set inputs = ('{"a":"' || repeat('a', 100000) || '"}')::json`
  return fetch(`${url}/datasets/${id}/jsonl`, { headers: { 'x-api-key': tenant.secretKey } })
}

describe.each(testsRunOnRedis() ? ['postgres', 'redis'] : ['postgres'])('queue on %s', (queue) => {
  test('while Postgres is silent every request is answered, and afterwards nothing is missing', async () => {
    await start(queue)
    const download = await begunExport()
    expect(download.status).toBe(200)
    await send('/api/public/v2/datasets', { name: 'items' })
    const item = await send('/api/public/dataset-items', { datasetName: 'items', id: ids.item })
    expect(item.status).toBe(200)
    // Both kinds of credentials are known now.
    await send('/sessions')

    proxy.hold()
    const needy = { ...others, ...unknownKey }
    const [accepted, refused] = await Promise.all([answersOf(accepting), answersOf(needy)])
    expect(refused).toEqual(refusals(needy))
    if (queue === 'postgres') expect(accepted).toEqual(refusals(accepting))
    else {
      expect(accepted).toMatchObject({
        feedback: { status: 200, body: { id: ids.feedback } },
        score: { status: 200, body: { id: ids.score } },
      })
    }
    await expect(download.text()).rejects.toThrow('terminated')
    expect(await answersOf(needy)).toEqual(refusals(needy))

    proxy.release()
    await vi.waitUntil(async () => (await send('/sessions')).status === 200, { timeout: 60_000 })
    const again = await answersOf(queue === 'postgres' ? { ...accepting, ...others } : others)
    for (const [name, { status }] of Object.entries(again)) {
      expect([name, status]).toEqual([name, expect.toSatisfy((code) => code < 300)])
    }
    const rows = async (): Promise<unknown> => {
      const [row] = await db`
        select (select count(*) from traces where id in (${ids.trace}, ${ids.run}, ${ids.span})) as traces,
          (select count(*) from runs) as runs,
          (select count(*) from feedback where id in (${ids.feedback}, ${ids.configured}, ${ids.score})) as feedback,
          (select count(*) from run_items) as items,
          (select count(*) from datasets where name = 'made') as datasets,
          (select count(*) from dead_letters) as dead`
      return row
    }
    await expect
      .poll(rows, { timeout: 60_000 })
      .toEqual({ traces: 3, runs: 2, feedback: 3, items: 1, datasets: 1, dead: 0 })
    expect(await answersOf(unknownKey)).toMatchObject({ 'an unknown key': { status: 401 } })
  }, 180_000)
})
