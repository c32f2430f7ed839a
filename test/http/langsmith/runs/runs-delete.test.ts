import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { scheduleRepeating } from '../../../../workers/index.ts'
import { comparisonRows, feedbackOn, runEvent, second } from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const example = await rows.example(dataset)
  const session = await rows.experiment(dataset)
  const elsewhere = await rows.experiment(null)
  const gone = traceOf(session, 1, { referenceExampleId: example, metadata: { k: '"v"' } }, [
    { metadata: { deep: '"yes"' } },
  ])
  const kept = traceOf(session, 100, {}, [{}])
  const away = traceOf(elsewhere, 1, { metadata: { k: '"v"' } })
  const score = feedbackOn({ id: gone.ids[1]!, patch: { traceId: gone.traceId } }, 'correct', 1)
  await h.ingest(...gone.events, ...kept.events, ...away.events, score)
  return { dataset, session, elsewhere, gone, kept, away, score }
}

type World = Awaited<ReturnType<typeof world>>

async function listed(h: Harness, session: string): Promise<string[]> {
  const { body } = await h.call('POST', '/runs/query', { session: [session], order: 'asc' })
  return body.runs.map((run: { id: string }) => run.id)
}

describe('200', () => {
  test.each<[string, (w: World) => [url: string, body: object]]>([
    [
      'by id',
      (w) => ['/runs/delete/traces', { session_id: w.session, trace_ids: [w.gone.traceId] }],
    ],
    ['by id, any session', (w) => ['/runs/delete', { trace_ids: [w.gone.traceId] }]],
    ['by metadata', (w) => ['/runs/delete', { session_id: w.session, metadata: { k: 'v' } }]],
    [
      'by metadata of a child',
      (w) => ['/runs/delete', { session_id: w.session, metadata: { deep: 'yes' } }],
    ],
  ])('a trace deleted %s disappears at once for every reader', async (_name, ask) => {
    const h = await harness()
    const w = await world(h)
    const [url, body] = ask(w)
    expect((await h.call('POST', url, body)).status).toBe(200)
    expect(await listed(h, w.session)).toEqual(w.kept.ids)
    expect(await listed(h, w.elsewhere)).toEqual(w.away.ids)
    for (const id of w.gone.ids) expect((await h.call('GET', `/runs/${id}`)).status).toBe(404)
    expect((await h.call('GET', `/feedback/${w.score.id}`)).status).toBe(404)
    expect((await h.call('GET', `/feedback?session=${w.session}`)).body).toEqual([])
    const compared = await h.call('POST', `/datasets/${w.dataset}/runs`, {
      session_ids: [w.session],
    })
    expect(compared.body).toEqual([])
    const session = await h.call('GET', `/sessions/${w.session}?include_stats=true`)
    expect(session.body).toMatchObject({ run_count: 1, feedback_stats: {} })
    expect(await h.db`select id from traces where id = ${w.gone.traceId}`).toEqual([])
  })

  test('whatever arrives late for a deleted trace is dropped', async () => {
    const h = await harness()
    const w = await world(h)
    await h.call('POST', '/runs/delete/traces', {
      session_id: w.session,
      trace_ids: [w.gone.traceId],
    })
    const [root, child] = w.gone.ids as [string, string]
    await h.ingest(
      ...w.gone.events,
      w.score,
      // A new child, an update that names no trace, a child that names only its parent, and feedback on that child
      // only.
      runEvent(randomUUID(), {
        traceId: w.gone.traceId,
        name: 'late',
        experimentId: w.session,
        startTime: second(5),
      }),
      runEvent(child, {
        name: 'late',
        outputs: '{}',
        experimentId: w.session,
        startTime: second(5),
      }),
      runEvent(randomUUID(), {
        parentRunId: root,
        name: 'late',
        experimentId: w.session,
        startTime: second(5),
      }),
      feedbackOn({ id: child }, 'late', 1),
    )
    expect(await listed(h, w.session)).toEqual(w.kept.ids)
    expect(await h.db`select key from feedback`).toEqual([])
    expect(await h.db`select id from traces where id = ${w.gone.traceId}`).toEqual([])
    expect(await h.db`select id from dead_letters`).toEqual([])
  })

  test('a trace that was deleted before it arrived never appears', async () => {
    const h = await harness()
    const w = await world(h)
    const late = traceOf(w.session, 5, {}, [{}])
    await h.call('POST', '/runs/delete/traces', {
      session_id: w.session,
      trace_ids: [late.traceId],
    })
    await h.ingest(...late.events)
    expect(await listed(h, w.session)).toEqual([...w.gone.ids, ...w.kept.ids])
  })

  test('a trace of another session is not deleted, and a repeat changes nothing', async () => {
    const h = await harness()
    const w = await world(h)
    const body = {
      session_id: w.session,
      trace_ids: [w.away.traceId, w.gone.traceId, w.gone.traceId],
    }
    for (let i = 0; i < 2; i++) {
      expect((await h.call('POST', '/runs/delete/traces', body)).status).toBe(200)
      expect(await listed(h, w.elsewhere)).toEqual(w.away.ids)
      expect(await listed(h, w.session)).toEqual(w.kept.ids)
    }
  })

  test('the purge removes the rows of a write that had not seen the tombstone', async () => {
    const h = await harness()
    const w = await world(h)
    await h.call('POST', '/runs/delete', { trace_ids: [w.gone.traceId] })
    await h.db`
      insert into feedback (tenant_id, id, v, m, trace_id, key)
      values (${h.tenant.id}, ${randomUUID()}, 1, 1, ${w.gone.traceId}, 'left')`
    await scheduleRepeating(h.queue)
    await h.queue.runScheduled()
    await h.drain()
    expect(await h.db`select key from feedback`).toEqual([{ key: 'left' }])
    h.clock.advance(120_000)
    await h.queue.runScheduled()
    await h.drain()
    expect(await h.db`select key from feedback`).toEqual([])
    expect(await h.db`select id from tombstones where purged_at is null`).toEqual([])
  })
})

describe('404 and 422', () => {
  test.each<[string, string, (w: World) => object, number]>([
    [
      'an unknown session',
      '/runs/delete/traces',
      () => ({ session_id: randomUUID(), trace_ids: [] }),
      404,
    ],
    [
      'an unknown session by metadata',
      '/runs/delete',
      () => ({ session_id: randomUUID(), metadata: { a: 'b' } }),
      404,
    ],
    ['no session', '/runs/delete/traces', () => ({ trace_ids: [] }), 422],
    ['no traces', '/runs/delete/traces', (w) => ({ session_id: w.session }), 422],
    [
      'a trace that is no id',
      '/runs/delete/traces',
      (w) => ({ session_id: w.session, trace_ids: ['x'] }),
      422,
    ],
    [
      'too many traces',
      '/runs/delete',
      () => ({ trace_ids: Array.from({ length: 1001 }, randomUUID) }),
      422,
    ],
    ['neither traces nor metadata', '/runs/delete', (w) => ({ session_id: w.session }), 422],
    ['empty metadata', '/runs/delete', (w) => ({ session_id: w.session, metadata: {} }), 422],
    ['metadata without a session', '/runs/delete', () => ({ metadata: { k: 'v' } }), 422],
    [
      'metadata that is no text',
      '/runs/delete',
      (w) => ({ session_id: w.session, metadata: { k: 1 } }),
      422,
    ],
    ['no body', '/runs/delete', () => [], 422],
  ])('%s', async (_name, url, ask, status) => {
    const h = await harness()
    const w = await world(h)
    expect((await h.call('POST', url, ask(w))).status).toBe(status)
    expect(await listed(h, w.session)).toEqual([...w.gone.ids, ...w.kept.ids])
    expect(h.errors).toEqual([])
  })

  test('metadata with NUL and lone surrogates matches nothing and breaks nothing', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { session_id: w.session, metadata: { 'k\0': 'v\ud800' } }
    expect((await h.call('POST', '/runs/delete', body)).status).toBe(200)
    expect(await listed(h, w.session)).toEqual([...w.gone.ids, ...w.kept.ids])
    expect(h.errors).toEqual([])
  })

  test('another tenant deletes none of our traces, and blocks none of our ids', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    const traces = { session_id: w.session, trace_ids: [w.gone.traceId] }
    expect((await h.callAs(other, 'POST', '/runs/delete/traces', traces)).status).toBe(404)
    expect(
      (await h.callAs(other, 'POST', '/runs/delete', { trace_ids: [w.gone.traceId] })).status,
    ).toBe(200)
    await h.ingest(...w.gone.events)
    expect(await listed(h, w.session)).toEqual([...w.gone.ids, ...w.kept.ids])
  })
})
