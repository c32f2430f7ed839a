import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const start = '2026-01-21T14:35:42.000000Z'

async function makeSession(h: Harness): Promise<string> {
  return (await h.call('POST', '/sessions', { name: randomUUID() })).body.id
}

/** A root run with the first metadata, and a child of it with the second. */
async function addRuns(
  h: Harness,
  sessionId: string,
  metadata: object,
  child: object | null = null,
  startTime = start,
): Promise<void> {
  const id = randomUUID()
  const common = { name: 'x', run_type: 'chain', start_time: startTime, session_id: sessionId }
  const stamp = startTime.replaceAll(/[-:.]/g, '')
  const post: object[] = [
    { ...common, id, trace_id: id, dotted_order: `${stamp}${id}`, extra: { metadata } },
  ]
  if (child !== null) {
    const childId = randomUUID()
    post.push({
      ...common,
      id: childId,
      trace_id: id,
      parent_run_id: id,
      dotted_order: `${stamp}${id}.${stamp}${childId}`,
      extra: { metadata: child },
    })
  }
  expect((await h.call('POST', '/runs/batch', { post })).status).toBe(202)
  await h.drain()
}

test('200: the most frequent values of each requested key, up to k, with ties in order', async () => {
  const h = await harness()
  const sessionId = await makeSession(h)
  for (const metadata of [
    { model: 'b', n: 1 },
    { model: 'b', n: 2.5 },
    { model: 'c', n: true },
    { model: 'a', n: null },
    { model: { x: 1 } },
  ]) {
    await addRuns(h, sessionId, metadata)
  }
  const url = `/sessions/${sessionId}/metadata?metadata_keys=model&metadata_keys=n&metadata_keys=none`
  const { status, body } = await h.call('GET', url)
  expect(status).toBe(200)
  expect(body).toEqual({ model: ['b', 'a', 'c', '{"x": 1}'], n: ['1', '2.5', 'true'], none: [] })
  expect((await h.call('GET', `${url}&k=2`)).body).toEqual({
    model: ['b', 'a'],
    n: ['1', '2.5'],
    none: [],
  })
})

test('200: without keys, all of them; child runs and runs before a time can be left out', async () => {
  const h = await harness()
  const sessionId = await makeSession(h)
  await addRuns(h, sessionId, { model: 'old' }, null, '2026-01-20T00:00:00.000000Z')
  await addRuns(h, sessionId, { model: 'root' }, { model: 'child', step: 1 })
  const read = async (query: string) =>
    (await h.call('GET', `/sessions/${sessionId}/metadata?${query}`)).body
  expect(await read('')).toEqual({ model: ['child', 'old', 'root'], step: ['1'] })
  expect(await read('root_runs_only=True')).toEqual({ model: ['old', 'root'] })
  expect(await read(`root_runs_only=true&start_time=${start}`)).toEqual({ model: ['root'] })
  const empty = await makeSession(h)
  expect((await h.call('GET', `/sessions/${empty}/metadata`)).body).toEqual({})
})

test('404 for an unknown session and for another tenant; 422 for malformed input', async () => {
  const h = await harness()
  const sessionId = await makeSession(h)
  await addRuns(h, sessionId, { model: 'a' })
  expect((await h.call('GET', `/sessions/${randomUUID()}/metadata`)).status).toBe(404)
  const other = await h.addTenant()
  expect((await h.callAs(other, 'GET', `/sessions/${sessionId}/metadata`)).status).toBe(404)
  for (const query of ['k=0', 'k=x', 'k=1001', 'root_runs_only=maybe', 'start_time=then']) {
    const { status } = await h.call('GET', `/sessions/${sessionId}/metadata?${query}`)
    expect(status, query).toBe(422)
  }
  expect((await h.call('GET', '/sessions/x/metadata')).status).toBe(422)
  const odd = await h.call('GET', `/sessions/${sessionId}/metadata?metadata_keys=a%00b`)
  expect(odd.body).toEqual({ 'a\ufffdb': [] })
  expect(h.errors).toEqual([])
})
