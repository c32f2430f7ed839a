import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createRefusalLog } from '../../src/http/front-door/refusals.ts'
import { NotReplicatedError, QueueUnavailableError } from '../../src/queue/backend.ts'
import { harness, type Harness } from '../support/harness.ts'

/** The series of a metric, by their labels as they are written. */
async function series(h: Harness, name: string): Promise<Record<string, number>> {
  const { text } = await h.call('GET', '/metrics')
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm'))
  return Object.fromEntries([...lines].map(([, labels = '', value]) => [labels, Number(value)]))
}

const run = (more: object = {}): object => ({
  id: randomUUID(),
  name: 'a run',
  run_type: 'chain',
  session_name: 'p',
  start_time: '2026-01-21T14:35:42.000Z',
  ...more,
})
const trace = (body: object): object => ({
  id: randomUUID(),
  type: 'trace-create',
  timestamp: '2026-01-21T14:35:42.000Z',
  body,
})
const span = (spanId: string): object => ({
  traceId: 'a'.repeat(32),
  spanId,
  startTimeUnixNano: '1',
})
const spans = (...list: object[]): object => ({
  resourceSpans: [{ scopeSpans: [{ spans: list }] }],
})

describe('what comes in', () => {
  test('is counted by dialect: accepted, applied, refused within a request, and requests that are refused', async () => {
    const h = await harness({ isOwn: true })
    const status = async (...call: Parameters<Harness['call']>) => (await h.call(...call)).status

    const batch = [trace({ id: 'a' }), trace({ id: 'b' }), trace({ name: 7 })]
    expect(await status('POST', '/api/public/ingestion', { batch })).toBe(207)
    expect(await status('POST', '/api/public/ingestion', { batch: 'none' })).toBe(400)
    expect(await status('POST', '/api/public/scores', { name: 's' })).toBe(400)
    expect(await status('POST', '/runs/batch', { post: [run(), run()] })).toBe(202)
    expect(await status('POST', '/runs/batch', { post: [run(), run({ id: 'x' })] })).toBe(422)
    expect(await status('POST', '/runs', '{')).toBe(422)
    expect(await status('POST', '/runs', {}, { 'x-api-key': 'wrong' })).toBe(401)
    expect(await status('POST', '/runs/batch', 'x'.repeat(21e6))).toBe(413)
    const good = span('b'.repeat(16))
    expect(await status('POST', '/v1/traces', spans(good, span('bad')))).toBe(200)
    expect(await status('POST', '/api/public/otel/v1/traces', spans(good, span('bad')))).toBe(400)
    // Not about events.
    expect(await status('GET', '/runs/none')).toBe(422)
    await h.drain()

    const accepted = await series(h, 'runmill_events_accepted_total')
    expect(Object.keys(accepted).toSorted()).toEqual([
      'dialect="langfuse"',
      'dialect="langsmith"',
      'dialect="otlp"',
    ])
    expect(accepted['dialect="langfuse"']).toBe(2)
    expect(accepted['dialect="langsmith"']).toBeGreaterThanOrEqual(3)
    expect(await series(h, 'runmill_events_refused_total')).toEqual({
      'dialect="langfuse",reason="invalid"': 1,
      'dialect="langsmith",reason="invalid"': 1,
      'dialect="otlp",reason="invalid"': 1,
    })
    // A failure is an alert, and is shown before there is one.
    expect(await series(h, 'runmill_requests_refused_total')).toEqual({
      'dialect="langfuse",reason="failure"': 0,
      'dialect="langsmith",reason="failure"': 0,
      'dialect="otlp",reason="failure"': 0,
      'dialect="langfuse",reason="invalid"': 2,
      'dialect="langsmith",reason="invalid"': 1,
      'dialect="langsmith",reason="unauthenticated"': 1,
      'dialect="langsmith",reason="too_large"': 1,
      'dialect="otlp",reason="invalid"': 1,
    })
    const sum = (counts: Record<string, number>): number =>
      Object.values(counts).reduce((a, b) => a + b, 0)
    const applied = await series(h, 'runmill_events_applied_total')
    expect(sum(applied)).toBe(sum(accepted))
    expect(sum(await series(h, 'runmill_batch_events_sum'))).toBe(sum(accepted))
    // A job for each request of which something was taken.
    expect(sum(await series(h, 'runmill_event_lag_seconds_count'))).toBe(4)
    expect(await series(h, 'runmill_queue_enqueue_seconds_count')).toEqual({ '': 4 })
    expect(sum(await series(h, 'runmill_worker_jobs'))).toBe(0)
  })

  test('of which the queue or a limit refuses all is counted by the reason, in each dialect', async () => {
    const h = await harness({ isOwn: true })
    const post = async (): Promise<number[]> => [
      (await h.call('POST', '/runs/batch', { post: [run()] })).status,
      (await h.call('POST', '/api/public/ingestion', { batch: [trace({})] })).status,
      (await h.call('POST', '/v1/traces', spans(span('b'.repeat(16))))).status,
    ]
    const { enqueue } = h.queue
    onTestFinished(() => void Object.assign(h.queue, { enqueue }))
    for (const [message, reason, cause] of [
      ["redis: OOM command not allowed when used memory > 'maxmemory'.", 'queue_full'],
      ['redis: connect ECONNREFUSED', 'queue_unavailable'],
      ['redis: stored', 'queue_not_replicated', new NotReplicatedError('stored')],
    ] as const) {
      h.queue.enqueue = async () => Promise.reject(new QueueUnavailableError(message, { cause }))
      expect(await post()).toEqual([503, 503, 503])
      const refused = await series(h, 'runmill_requests_refused_total')
      for (const dialect of ['langfuse', 'langsmith', 'otlp']) {
        expect(refused[`dialect="${dialect}",reason="${reason}"`]).toBe(1)
      }
    }
    expect(await series(h, 'runmill_events_refused_total')).toEqual({})
  })

  test('that the database refuses is counted as a dead letter, and not as applied', async () => {
    const h = await harness({ isOwn: true })
    const bad = run({ inputs: { text: 'x' } })
    await h.db`alter table runs add constraint no_bad check (name <> 'bad')`
    await h.call('POST', '/runs/batch', { post: [{ ...bad, name: 'bad' }, run()] })
    await h.drain()
    expect(await series(h, 'runmill_dead_letters_total')).toEqual({ 'reason="other"': 1 })
    const applied = await series(h, 'runmill_events_applied_total')
    const accepted = await series(h, 'runmill_events_accepted_total')
    expect(applied['lane="ingest"']).toBe(accepted['dialect="langsmith"']! - 1)
  })
})

describe('the log', () => {
  function recorded(): { lines: object[]; refuse(reason: string, error: Error): void } {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const lines: object[] = []
    const log = { info: () => {}, warn: (facts: object) => void lines.push(facts), error: () => {} }
    const request = { method: 'POST', url: '/runs?key=1', routeOptions: {} } as FastifyRequest
    const tell = createRefusalLog(log)
    return { lines, refuse: (reason, error) => tell(reason, error, request) }
  }

  test('tells of refusals once for each kind, then how many there were in ten seconds, without a stack', () => {
    const { lines, refuse } = recorded()
    for (let i = 0; i < 1_000; i++) {
      refuse('queue_full', new Error(`OOM ${i}`))
      refuse('backlog', new TypeError('another'))
    }
    const place = { method: 'POST', path: '/runs' }
    expect(lines.splice(0)).toEqual([
      { reason: 'queue_full', error: 'Error: OOM 0', ...place },
      { reason: 'backlog', error: 'TypeError: another', ...place },
    ])
    vi.advanceTimersByTime(10_000)
    expect(lines.splice(0)).toEqual([
      { reason: 'queue_full', count: 999, seconds: 10, error: 'Error: OOM 0' },
      { reason: 'backlog', count: 999, seconds: 10, error: 'TypeError: another' },
    ])
    refuse('backlog', new TypeError('another'))
    vi.advanceTimersByTime(10_000)
    expect(lines.splice(0)).toEqual([
      { reason: 'backlog', count: 1, seconds: 10, error: 'TypeError: another' },
    ])
    // Once there was none for ten seconds, the next is a first one.
    vi.advanceTimersByTime(30_000)
    refuse('backlog', new TypeError('another'))
    expect(lines).toEqual([{ reason: 'backlog', error: 'TypeError: another', ...place }])
  })
})
