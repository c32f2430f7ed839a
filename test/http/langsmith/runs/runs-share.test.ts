import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, runEvent, second } from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { segment, traceOf } from '../../../support/run-tree.ts'

/** A trace with a root, two children, and one grandchild under the first child. */
async function world(h: Harness) {
  const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
  const trace = traceOf(session, 1, {}, [{}, {}])
  const [root, child, sibling] = trace.ids as [string, string, string]
  const grandchild = randomUUID()
  const event = runEvent(grandchild, {
    traceId: root,
    experimentId: session,
    parentRunId: child,
    name: 'grandchild',
    runType: 'tool',
    startTime: second(5),
    dottedOrder: `${trace.events[1]!.patch.dottedOrder!}.${segment(grandchild, second(5))}`,
  })
  await h.ingest(...trace.events, event)
  return { session, root, child, sibling, grandchild }
}

/** Sends a request without any key. */
async function anyone(h: Harness, method: 'GET' | 'POST', url: string, payload?: object) {
  const response = await h.app.inject({
    method,
    url,
    ...(payload === undefined ? {} : { payload }),
  })
  return { status: response.statusCode, body: response.json() }
}

describe('200', () => {
  test('a run is shared under one token until it is unshared', async () => {
    const h = await harness()
    const { root } = await world(h)
    const url = `/runs/${root}/share`
    expect((await h.call('GET', url)).body).toBe(null)
    const { status, body } = await h.call('PUT', url)
    expect(status).toBe(200)
    expect(body).toEqual({ run_id: root, share_token: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect((await h.call('PUT', url)).body).toEqual(body)
    expect((await h.call('GET', url)).body).toEqual(body)
    expect((await h.call('GET', `/runs/${root}`)).body.share_token).toBe(body.share_token)
    expect((await h.call('DELETE', url)).status).toBe(200)
    expect((await h.call('GET', url)).body).toBe(null)
    expect((await anyone(h, 'GET', `/public/${body.share_token}/run`)).status).toBe(404)
    expect((await h.call('PUT', url)).body.share_token).not.toBe(body.share_token)
  })

  test('anyone who has the token can read the run and its descendants, and nothing else', async () => {
    const h = await harness()
    const w = await world(h)
    const { share_token: token } = (await h.call('PUT', `/runs/${w.child}/share`)).body
    const run = await anyone(h, 'GET', `/public/${token}/run`)
    expect(run).toMatchObject({ status: 200, body: { id: w.child, child_run_ids: [w.grandchild] } })
    expect(run.body).not.toHaveProperty('session_id')
    expect(run.body).not.toHaveProperty('app_path')
    const query = async (body: object) => {
      const answer = await anyone(h, 'POST', `/public/${token}/runs/query`, body)
      expect(answer.status).toBe(200)
      return answer.body.runs.map(({ id }: { id: string }) => id)
    }
    expect(await query({})).toEqual([w.child, w.grandchild])
    expect(await query({ id: [w.grandchild, w.root, w.sibling] })).toEqual([w.grandchild])
    const whole = await anyone(h, 'GET', `/public/${token}/runs`)
    expect(whole.body.map(({ id }: { id: string }) => id)).toEqual([w.child, w.grandchild])
    expect(whole.body[0]).toEqual(run.body)
    const some = await anyone(h, 'GET', `/public/${token}/runs?id=${w.grandchild}&id=${w.root}`)
    expect(some.body).toEqual([whole.body[1]])
  })
})

describe('404, 400 and 422', () => {
  test('unknown runs and those of another tenant cannot be shared', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      expect((await h.call(method, `/runs/${randomUUID()}/share`)).status).toBe(404)
      expect((await h.callAs(other, method, `/runs/${w.root}/share`)).status).toBe(404)
      expect((await h.call(method, '/runs/x/share')).status).toBe(422)
    }
    expect(await h.db`select id from shares`).toEqual([])
  })

  test('unknown tokens, deleted runs and nonsense give access to nothing', async () => {
    const h = await harness()
    const w = await world(h)
    const { share_token: token } = (await h.call('PUT', `/runs/${w.root}/share`)).body
    expect((await anyone(h, 'GET', `/public/${randomUUID()}/run`)).status).toBe(404)
    expect((await anyone(h, 'GET', '/public/x/run')).status).toBe(422)
    const url = `/public/${token}/runs/query`
    expect((await anyone(h, 'POST', url, { id: ['x'] })).status).toBe(422)
    expect((await anyone(h, 'POST', url, { cursor: 'x' })).status).toBe(400)
    await h.call('DELETE', `/sessions/${w.session}`)
    expect((await anyone(h, 'GET', `/public/${token}/run`)).status).toBe(404)
    expect((await anyone(h, 'POST', url, {})).status).toBe(404)
    expect(h.errors).toEqual([])
  })
})
