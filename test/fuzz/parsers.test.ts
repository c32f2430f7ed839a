import fc from 'fast-check'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'
import {
  batches,
  type Capture,
  compressed,
  langfuseFilters,
  langsmithFilters,
  multipartFor,
  otlpJson,
  otlpProtobuf,
} from './captures.ts'
import { arbitraryMutations, mutate, type Mutation } from './mutations.ts'

/**
 * Every parser of what clients send gets requests of real SDKs with changes in them. Whatever comes is answered, with a
 * status below 500. What is accepted can be applied and read back; of what is refused as a whole, nothing is stored; and
 * afterwards the server works.
 *
 * RUNMILL_FUZZ_RUNS sets the number of requests for each parser, RUNMILL_FUZZ_SEED chooses others.
 */
const numRuns = Number(process.env.RUNMILL_FUZZ_RUNS || 60)
const seed = Number(process.env.RUNMILL_FUZZ_SEED || 1)
/** Only a request that hangs takes longer than all of them together should. */
const timeout = 120_000 + numRuns * 1000

const totals: { parser: string; statuses: Record<number, number>; slowestMs: number }[] = []

afterAll(() => {
  if (process.env.RUNMILL_FUZZ_RUNS === undefined) return
  for (const { parser, statuses, slowestMs } of totals) {
    const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`)
    console.log(`${parser}: ${counts.join(', ')}; slowest ${slowestMs.toFixed(0)} ms`)
  }
  console.log(`memory ${(process.memoryUsage.rss() / 1_048_576).toFixed(0)} MiB`)
})

interface Sent {
  status: number
  text: string
}

async function send(h: Harness, capture: Capture, bytes: Buffer): Promise<Sent> {
  const { method, url, headers, query } = capture
  const key = url.startsWith('/api/public')
    ? { authorization: h.tenant.basic }
    : { 'x-api-key': h.tenant.secretKey }
  // Parameters are percent-encoded byte by byte, so bytes that are no text arrive as well.
  const value = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  const search = query === undefined ? '' : `${url.includes('?') ? '&' : '?'}${query}=${value}`
  const answer = await h.app.inject({
    method,
    url: url + search,
    headers: { ...headers, ...key },
    ...(query === undefined ? { payload: bytes } : {}),
  })
  return { status: answer.statusCode, text: answer.body }
}

/** Counts the jobs with events that enter the queue. */
function countEnqueued({ queue }: Harness): () => number {
  let count = 0
  const { enqueue } = queue
  onTestFinished(() => void Object.assign(queue, { enqueue }))
  queue.enqueue = async (lane, jobs, priority) => {
    count += jobs.length
    return enqueue(lane, jobs, priority)
  }
  return () => count
}

/** True when an answer says that nothing of its request was taken, and not that the rest was. */
function isRefusedAsWhole({ url }: Capture, { status, text }: Sent): boolean {
  if (status < 400) return false
  return !/\/runs\/(?:batch|multipart)$/.test(url) || text.includes('Unprocessable entity: error')
}

async function attack(
  parser: string,
  h: Harness,
  captures: readonly Capture[],
  mutations: fc.Arbitrary<Mutation[]>,
): Promise<void> {
  expect(captures.length).toBeGreaterThan(0)
  const enqueued = countEnqueued(h)
  const statuses: Record<number, number> = {}
  const total = { parser, statuses, slowestMs: 0 }
  totals.push(total)
  const index = fc.nat(captures.length - 1)
  await fc.assert(
    fc.asyncProperty(index, index, mutations, async (chosen, other, changes) => {
      const capture = captures[chosen]!
      const bytes = mutate(capture.bytes, changes, captures[other]!.bytes)
      const before = enqueued()
      h.errors.length = 0
      const start = performance.now()
      const sent = await send(h, capture, bytes)
      total.slowestMs = Math.max(total.slowestMs, performance.now() - start)
      statuses[sent.status] = (statuses[sent.status] ?? 0) + 1
      const said = `${capture.method} ${capture.url} ${sent.text.slice(0, 500)}`
      expect(sent.status, said).toBeLessThan(500)
      if (isRefusedAsWhole(capture, sent)) expect(enqueued(), said).toBe(before)
      if (enqueued() === before) return
      await h.drain()
      expect(await h.db`select kind, reason, event from dead_letters`, said).toEqual([])
      expect(h.errors, said).toEqual([])
    }),
    { numRuns, seed, endOnFailure: numRuns > 10_000 },
  )
  await h.drain()
  expect(h.errors).toEqual([])
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  // What was captured is still taken.
  for (const capture of captures) {
    const sent = await send(h, capture, capture.bytes)
    const isTaken = sent.status < 300 || sent.text.includes('already exists')
    expect(isTaken, `${capture.url} ${sent.text.slice(0, 500)}`).toBe(true)
  }
  await h.drain()
  await readAll(h)
}

/** Reads what the requests have left, through both dialects. */
async function readAll(h: Harness): Promise<void> {
  const reads: [method: 'GET' | 'POST', url: string, body?: object][] = [
    ...[1, 2, 3].map((page): ['GET', string] => [
      'GET',
      `/api/public/traces?limit=100&page=${page}`,
    ]),
    ...[1, 2, 3].map((page): ['GET', string] => [
      'GET',
      `/api/public/observations?limit=100&page=${page}`,
    ]),
    [
      'GET',
      '/api/public/v2/observations?limit=1000&fields=core,basic,time,io,metadata,model,usage,prompt,metrics',
    ],
    ['GET', '/api/public/v2/scores?limit=100'],
    ['GET', '/api/public/sessions?limit=100'],
    ['GET', '/sessions?limit=100&include_stats=true'],
    ['GET', '/feedback?limit=100'],
    ['GET', '/datasets?limit=100'],
  ]
  for (const [method, url, body] of reads) {
    const { status, text } = await h.call(method, url, body)
    expect(status, `${method} ${url} ${text.slice(0, 500)}`).toBe(200)
  }
  const projects = (await h.call('GET', '/sessions?limit=100')).body as { id: string }[]
  const session = projects.map(({ id }) => id)
  expect((await h.call('POST', '/runs/query', { session, limit: 100 })).status).toBe(200)
  const datasets = (await h.call('GET', '/datasets?limit=100')).body as { id: string }[]
  for (const { id } of datasets.slice(0, 20)) {
    for (const format of ['csv', 'jsonl', 'openai', 'openai_ft']) {
      expect((await h.call('GET', `/datasets/${id}/${format}`)).status).toBeLessThan(500)
    }
  }
  expect(h.errors).toEqual([])
}

describe('whatever is sent is answered, and nothing of what is refused is stored', () => {
  test(
    'OTLP in protobuf',
    async () => {
      const h = await harness()
      await attack('OTLP protobuf', h, otlpProtobuf, arbitraryMutations('field'))
    },
    timeout,
  )

  test(
    'OTLP in JSON',
    async () => {
      const h = await harness()
      await attack('OTLP JSON', h, otlpJson, arbitraryMutations('token'))
    },
    timeout,
  )

  test(
    'batches in JSON',
    async () => {
      const h = await harness()
      await attack('batches', h, batches, arbitraryMutations('token'))
    },
    timeout,
  )

  test(
    'multipart',
    async () => {
      const h = await harness()
      const { body } = await h.call('POST', '/datasets', { name: 'fuzzed' })
      const mutations = arbitraryMutations('token', 'line')
      await attack('multipart', h, multipartFor(body.id as string), mutations)
    },
    timeout,
  )

  test(
    'compressed bodies',
    async () => {
      const h = await harness()
      const multipart = multipartFor('').filter(({ url }) => url.endsWith('/runs/multipart'))
      const captures = await compressed(
        [otlpProtobuf, otlpJson, batches, multipart].flatMap((each) => each.slice(0, 3)),
      )
      await attack('compressed', h, captures, arbitraryMutations())
    },
    timeout,
  )

  test(
    "LangSmith's filters",
    async () => {
      const h = await harness()
      const { body } = await h.call('POST', '/sessions', { name: 'filtered' })
      const captures = langsmithFilters(body.id as string)
      await attack('LangSmith filters', h, captures, arbitraryMutations('token'))
    },
    timeout,
  )

  test(
    "Langfuse's filters",
    async () => {
      const h = await harness()
      await attack('Langfuse filters', h, langfuseFilters, arbitraryMutations('token'))
    },
    timeout,
  )
})
