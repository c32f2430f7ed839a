import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, second } from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const project = await rows.experiment(null)
  const trace = traceOf(project, 1, { threadId: 't' }, [{}, {}])
  const other = traceOf(project, 1)
  await h.ingest(...trace.events, ...other.events)
  const [root, child] = trace.ids as [string, string]
  return { project, trace, other, root, child }
}

/** Sends a request without any key. */
async function anyone(h: Harness, method: 'GET' | 'POST', url: string, payload?: object) {
  const response = await h.app.inject({ method, url, ...(payload && { payload }) })
  return { status: response.statusCode, body: response.json() }
}

describe('200', () => {
  test('a child shares its whole trace, under one token until it is unshared', async () => {
    const h = await harness()
    const { project, root, child, trace } = await world(h)
    const body = { session_id: project, trace_id: root }
    const { status, body: shared } = await h.call('POST', `/api/v2/runs/${child}/share`, body)
    expect(status).toBe(200)
    expect(shared).toEqual({ share_token: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect((await h.call('POST', `/v2/runs/${root}/share`, body)).body).toEqual(shared)
    const url = `/api/v2/public/${shared.share_token}/runs/query`
    expect(await anyone(h, 'POST', url, {})).toEqual({
      status: 200,
      body: { items: trace.ids.map((id) => ({ id })) },
    })

    const end = { session_id: project }
    expect((await h.call('DELETE', `/v2/runs/${root}/share`, end)).status).toBe(204)
    expect((await h.call('DELETE', `/v2/runs/${root}/share`, end)).status).toBe(204)
    expect(await anyone(h, 'POST', url, {})).toMatchObject({
      status: 404,
      body: { type: 'about:blank', status: 404 },
    })
  })

  test('whoever has the token reads the fields of these runs that are public', async () => {
    const h = await harness()
    const { project, root, child, other } = await world(h)
    const body = { session_id: project, trace_id: root }
    const { share_token: token } = (await h.call('POST', `/v2/runs/${root}/share`, body)).body
    const run = async (id: string, selects: string) =>
      anyone(
        h,
        'GET',
        `/api/v2/public/${token}/run/${id}?start_time=${second(2)}&selects=${selects}`,
      )
    expect(await run(child, 'ID&selects=PARENT_RUN_ID&selects=START_TIME')).toEqual({
      status: 200,
      body: { id: child, parent_run_id: root, start_time: second(2) },
    })
    expect((await run(other.traceId, 'ID')).status).toBe(404)
    expect((await run(randomUUID(), 'ID')).status).toBe(404)
    for (const name of ['INPUTS', 'OUTPUTS', 'EVENTS', 'MANIFEST', 'ATTACHMENTS', 'SHARE_URL']) {
      expect((await run(child, name)).status, name).toBe(422)
      const url = `/v2/public/${token}/runs/query`
      expect((await anyone(h, 'POST', url, { selects: [name] })).status, name).toBe(422)
    }
  })

  test('a token of v1 shares a run with its descendants, and nothing above it', async () => {
    const h = await harness()
    const { root, child } = await world(h)
    const { share_token: token } = (await h.call('PUT', `/runs/${child}/share`)).body
    const url = `/v2/public/${token}`
    expect((await anyone(h, 'POST', `${url}/runs/query`, {})).body).toEqual({
      items: [{ id: child }],
    })
    const above = `${url}/run/${root}?selects=ID&start_time=${second(1)}`
    expect((await anyone(h, 'GET', above)).status).toBe(404)
  })

  test('the address of the page of a run', async () => {
    const h = await harness()
    const { project, root, child } = await world(h)
    const url = `/api/v2/runs/${child}/url?project_id=${project}&trace_id=${root}`
    expect((await h.call('GET', url)).body).toEqual({
      url: `http://localhost:80/o/${h.tenant.id}/projects/p/${project}/r/${child}`,
    })
  })
})

describe('404', () => {
  test('for a run that is not in the trace and project that are named', async () => {
    const h = await harness()
    const { project, root, child, other } = await world(h)
    for (const [run, session_id, trace_id] of [
      [child, randomUUID(), root],
      [child, project, other.traceId],
      [randomUUID(), project, root],
    ] as const) {
      const body = { session_id, trace_id }
      expect((await h.call('POST', `/v2/runs/${run}/share`, body)).status).toBe(404)
      const url = `/v2/runs/${run}/url?project_id=${session_id}&trace_id=${trace_id}`
      expect(await h.call('GET', url)).toMatchObject({ status: 404, body: { type: 'about:blank' } })
    }
    const body = { session_id: randomUUID() }
    expect((await h.call('DELETE', `/v2/runs/${root}/share`, body)).status).toBe(404)
    expect(await h.db`select from shares`).toHaveLength(0)
  })
})
