import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { IngestJob } from '../../src/queue/catalog.ts'
import { type Harness, harness } from '../support/harness.ts'
import type { TestTenant } from '../support/tenant.ts'

const mebibyte = 1_048_576

/** A write of each dialect, and how it is refused while too much waits. */
const writes = [
  {
    name: 'LangSmith, a batch',
    url: '/runs/batch',
    body: () => ({ post: [run()] }),
    accepted: 202,
    refused: { status: 429, body: { error: expect.stringContaining('Too many requests') } },
  },
  {
    name: 'LangSmith, one run',
    url: '/runs',
    body: () => run(),
    accepted: 202,
    refused: { status: 429, body: { error: expect.stringContaining('Too many requests') } },
  },
  {
    name: 'LangSmith, feedback',
    url: '/feedback',
    body: () => ({ id: randomUUID(), run_id: randomUUID(), key: 'k', score: 1 }),
    accepted: 200,
    refused: { status: 429, body: { detail: expect.stringContaining('Too many requests') } },
  },
  {
    name: 'Langfuse, a batch',
    url: '/api/public/ingestion',
    body: () => ({
      batch: [
        {
          id: randomUUID(),
          type: 'trace-create',
          timestamp: '2026-01-21T14:35:42.000Z',
          body: { id: randomUUID(), name: 't' },
        },
      ],
    }),
    accepted: 207,
    refused: {
      status: 429,
      body: { message: expect.stringContaining('Too many requests'), error: 'TooManyRequests' },
    },
  },
  {
    name: 'Langfuse, a score',
    url: '/api/public/scores',
    body: () => ({ traceId: randomUUID(), name: 's', value: 1 }),
    accepted: 200,
    refused: {
      status: 429,
      body: { message: expect.stringContaining('Too many requests'), error: 'TooManyRequests' },
    },
  },
  // Python's exporter drops an export after 429 (contracts/langfuse.md 2.8).
  {
    name: 'OTLP in Langfuse',
    url: '/api/public/otel/v1/traces',
    body: () => spans(),
    accepted: 200,
    refused: { status: 503, body: { error: expect.stringContaining('Too many requests') } },
  },
  {
    name: 'OTLP',
    url: '/v1/traces',
    body: () => spans(),
    accepted: 200,
    refused: {
      status: 503,
      body: { code: 14, message: expect.stringContaining('Too many requests') },
    },
  },
]

function run(): object {
  const id = randomUUID()
  const time = '2026-01-21T14:35:42.000000Z'
  const dotted_order = `20260121T143542000000Z${id}`
  return { id, trace_id: id, dotted_order, name: 'r', run_type: 'chain', start_time: time }
}

function spans(): object {
  const traceId = randomUUID().replaceAll('-', '')
  const span = { traceId, spanId: 'b'.repeat(16), startTimeUnixNano: '1' }
  return { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
}

/** Holds every job that reaches a handler of `queue`, until it is called. */
function holdWorkers(h: Harness): () => Promise<void> {
  const { enqueue, counts } = h.queue
  const held: (() => Promise<unknown>)[] = []
  h.queue.enqueue = async (queue, jobs, priority) => {
    const texts = jobs.map((job) => JSON.stringify(job))
    held.push(async () => enqueue(queue, jobs, priority))
    return texts.reduce((sum, text) => sum + text.length, 0)
  }
  // What is held counts as waiting, or it would be taken for lost.
  h.queue.counts = async () => {
    const real = await counts()
    return { ...real, ingest: { ...real.ingest, waiting: real.ingest.waiting + held.length } }
  }
  return async () => {
    h.queue.enqueue = enqueue
    h.queue.counts = counts
    for (const pass of held) await pass()
  }
}

async function fill(h: Harness, tenant: TestTenant, bytes: number): Promise<number> {
  const large = { post: [{ ...run(), inputs: { text: 'x'.repeat(bytes) } }] }
  return (await h.callAs(tenant, 'POST', '/runs/batch', large)).status
}

async function countRows(h: Harness): Promise<number> {
  const [row] = await h.db<{ count: number }[]>`
    select (select count(*) from runs) + (select count(*) from traces)
      + (select count(*) from feedback) + (select count(*) from experiments) as count`
  return row!.count
}

describe('too much waits', () => {
  test.each(writes)(
    'I7: $name: refused with Retry-After, nothing stored, and taken again once it is applied',
    async ({ url, body, accepted, refused }) => {
      const h = await harness({ backlogBytes: 4 * mebibyte })
      const other = await h.addTenant()
      const release = holdWorkers(h)
      expect(await fill(h, h.tenant, 2.5 * mebibyte)).toBe(202)
      const before = await countRows(h)

      const answer = await h.call('POST', url, body())
      expect(answer).toMatchObject(refused)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(5)
      expect(await countRows(h)).toBe(before)
      // Another tenant has room.
      expect(await fill(h, other, 1000)).toBe(202)
      // Reads and control-plane writes go on.
      expect((await h.call('GET', '/sessions')).status).toBe(200)

      await release()
      await h.drain()
      expect((await h.call('POST', url, body())).status).toBe(accepted)
    },
  )

  test('I7: of all tenants together: a tenant that has nothing waiting is refused too', async () => {
    const h = await harness({ backlogBytes: 4 * mebibyte })
    const [second, third] = [await h.addTenant(), await h.addTenant()]
    const release = holdWorkers(h)
    expect(await fill(h, h.tenant, 2.5 * mebibyte)).toBe(202)
    expect(await fill(h, second, 2 * mebibyte)).toBe(202)
    expect(await fill(h, third, 10)).toBe(429)
    await release()
    await h.drain()
    expect(await fill(h, third, 10)).toBe(202)
  })

  test('I7: the answer does not wait for the body', async ({ onTestFinished }) => {
    const h = await harness({ backlogBytes: 4 * mebibyte })
    const release = holdWorkers(h)
    await fill(h, h.tenant, 2.5 * mebibyte)
    await h.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = h.app.server.address() as AddressInfo
    const headers = {
      'x-api-key': h.tenant.secretKey,
      'content-type': 'application/json',
      'content-length': mebibyte,
    }
    const open = httpRequest({ port, method: 'POST', path: '/runs/batch', headers })
    onTestFinished(() => void open.destroy())
    const status = new Promise((resolve, reject) => {
      open.on('error', reject).on('response', (answer) => resolve(answer.statusCode))
    })
    open.write('{')
    expect(await status).toBe(429)
    // Otherwise the server waits for the rest of the body before it stops.
    open.destroy()
    await release()
  })

  test('a tenant that sends faster than it is applied gets the lane for backlogs', async () => {
    const h = await harness({ isOwn: true })
    const lanes: string[] = []
    const { enqueue } = h.queue
    h.queue.enqueue = async (queue, jobs, priority) => {
      lanes.push(`${queue} ${(jobs[0] as IngestJob).tenantId === h.tenant.id ? 'a' : 'b'}`)
      return enqueue('ingest', [], priority)
    }
    const other = await h.addTenant()
    for (let i = 0; i < 20; i++) await fill(h, h.tenant, 10)
    await fill(h, other, 10)
    expect(lanes.slice(14)).toEqual([
      'ingest a',
      'ingest a',
      'ingest-backlog a',
      'ingest-backlog a',
      'ingest-backlog a',
      'ingest-backlog a',
      'ingest b',
    ])
  })
})

describe('rate limit', () => {
  test.each(writes)(
    '$name: a key that sends more is refused with Retry-After; other keys are not',
    async ({ url, body, accepted, refused }) => {
      const h = await harness({ rateLimit: 1 })
      const other = await h.addTenant()
      expect((await h.call('POST', url, body())).status).toBe(accepted)
      const answer = await h.call('POST', url, body())
      expect(answer).toMatchObject({ ...refused, headers: { 'retry-after': '1' } })
      expect((await h.callAs(other, 'POST', url, body())).status).toBe(accepted)
      // By the secret as by any other name of the key.
      const basic = { authorization: h.tenant.basic, 'x-api-key': '' }
      expect((await h.call('GET', '/sessions', undefined, basic)).status).toBe(429)
    },
  )
})
