import { describe, expect, test } from 'vitest'
import { eventVersion, type IngestEvent } from '../../../../src/domain/events.ts'
import { resolveId } from '../../../../src/domain/ids.ts'
import { harness, type Harness } from '../../../support/harness.ts'

const base = '/api/public'
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** A server with a dataset `ds` and the items `item-0`, `item-1` and so on. */
async function serve(items = 1) {
  const h = await harness()
  const { body } = await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
  for (let i = 0; i < items; i++) {
    await h.call('POST', `${base}/dataset-items`, { datasetName: 'ds', id: `item-${i}`, input: i })
  }
  return Object.assign(h, { datasetId: body.id as string })
}

async function link(h: Harness, body: object) {
  return h.call('POST', `${base}/dataset-run-items`, {
    runName: 'run',
    datasetItemId: 'item-0',
    ...body,
  })
}

async function linked(h: Harness, body: object) {
  const answer = await link(h, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function get(h: Harness, path: string) {
  return h.call('GET', `${base}${path}`)
}

async function list(h: Harness & { datasetId: string }, query = '', runName = 'run') {
  return get(
    h,
    `/dataset-run-items?datasetId=${h.datasetId}&runName=${encodeURIComponent(runName)}${query}`,
  )
}

async function runOf(h: Harness, name = 'run') {
  return (await get(h, `/datasets/ds/runs/${encodeURIComponent(name)}`)).body
}

function runEvent(id: string, traceId: string | null): IngestEvent {
  const now = '2026-01-21T14:35:42.000000Z'
  const run = resolveId('run', id)
  const trace = traceId === null ? null : resolveId('trace', traceId)
  return {
    kind: 'run',
    ...run,
    version: eventVersion('create', now, id),
    patch: {
      name: 'span',
      startTime: now,
      createdAt: now,
      ...(trace === null ? {} : { traceId: trace.id, externalTraceId: trace.externalId }),
    },
  }
}

describe('200', () => {
  test('a link is answered with exactly its keys, before trace or observation exist, and reads back at once', async () => {
    const h = await serve()
    const body = await linked(h, {
      runDescription: 'desc',
      metadata: { model: 'm1', cfg: { t: 0.1 } },
      traceId: '4ea979d0f0a73baf9a4e3c48989f43e4',
      observationId: 'fccc3896f97c94a4',
      datasetVersion: null,
      createdAt: null,
    })
    expect(body).toEqual({
      id: expect.any(String),
      datasetRunId: expect.any(String),
      datasetRunName: 'run',
      datasetItemId: 'item-0',
      traceId: '4ea979d0f0a73baf9a4e3c48989f43e4',
      observationId: 'fccc3896f97c94a4',
      createdAt: expect.stringMatching(iso),
      updatedAt: body.createdAt,
    })
    expect((await list(h)).body).toEqual({
      data: [body],
      meta: { page: 1, limit: 50, totalItems: 1, totalPages: 1 },
    })
    expect(await runOf(h)).toEqual({
      id: body.datasetRunId,
      name: 'run',
      description: 'desc',
      metadata: { model: 'm1', cfg: { t: 0.1 } },
      datasetId: h.datasetId,
      datasetName: 'ds',
      createdAt: expect.stringMatching(iso),
      updatedAt: expect.stringMatching(iso),
      datasetRunItems: [body],
    })
  })

  test('an identical link gets the same answer and adds no row, however often and concurrently it is sent', async () => {
    const h = await serve()
    const first = await linked(h, { traceId: 't', observationId: 'o' })
    h.clock.advance(60_000)
    const again = await Promise.all(
      [1, 2, 3].map(async () => linked(h, { traceId: 't', observationId: 'o' })),
    )
    for (const one of again) expect(one).toEqual(first)
    expect((await list(h)).body.meta.totalItems).toBe(1)
  })

  test('another trace or observation of the same item is a repetition, listed newest first', async () => {
    const h = await serve()
    const one = await linked(h, { traceId: 't1' })
    const two = await linked(h, { traceId: 't2' })
    const three = await linked(h, { traceId: 't2', observationId: 'o' })
    expect(new Set([one.id, two.id, three.id]).size).toBe(3)
    expect((await list(h)).body.data).toEqual([three, two, one])
    expect((await runOf(h)).datasetRunItems).toEqual([three, two, one])
  })

  test('links made concurrently to a new run name share one run', async () => {
    const h = await serve(8)
    const bodies = await Promise.all(
      Array.from({ length: 8 }, async (_, i) =>
        linked(h, { datasetItemId: `item-${i}`, traceId: `t${i}` }),
      ),
    )
    expect(new Set(bodies.map((body) => body.datasetRunId)).size).toBe(1)
    expect((await list(h)).body.meta.totalItems).toBe(8)
    expect((await get(h, '/datasets/ds/runs')).body.meta.totalItems).toBe(1)
  })

  test('pages list the newest links first, even within one millisecond', async () => {
    const h = await serve(5)
    for (let i = 0; i < 5; i++) {
      h.clock.advance(-20)
      await linked(h, { datasetItemId: `item-${i}`, traceId: 't' })
    }
    const page = await list(h, '&page=2&limit=2')
    expect(page.body.data.map((one: { datasetItemId: string }) => one.datasetItemId)).toEqual([
      'item-2',
      'item-1',
    ])
    expect(page.body.meta).toEqual({ page: 2, limit: 2, totalItems: 5, totalPages: 3 })
  })

  test('description and metadata replace the stored ones when they are sent; null and absent ones do not', async () => {
    const h = await serve()
    await linked(h, { traceId: 't', runDescription: 'one', metadata: { a: 1, b: 2 } })
    const before = await runOf(h)
    await linked(h, { traceId: 't' })
    await linked(h, { traceId: 't', runDescription: null, metadata: null })
    for (const metadata of [0, '', false]) await linked(h, { traceId: 't', metadata })
    expect(await runOf(h)).toEqual(before)
    await linked(h, { traceId: 't', runDescription: 'two', metadata: { c: 3 } })
    const { id, name, createdAt } = before
    expect(await runOf(h)).toMatchObject({
      id,
      name,
      createdAt,
      description: 'two',
      metadata: { c: 3 },
    })
    expect((await runOf(h)).updatedAt > before.updatedAt).toBe(true)
  })

  test('metadata of a new run: objects are kept, other values are wrapped, and empty values are dropped', async () => {
    const h = await serve()
    const cases: [sent: unknown, stored: object][] = [
      [undefined, {}],
      [null, {}],
      [0, {}],
      ['', {}],
      [false, {}],
      [7, { metadata: 7 }],
      ['x', { metadata: 'x' }],
      [[1, 2], { metadata: [1, 2] }],
      [{ k: null }, { k: null }],
    ]
    for (const [i, [metadata, stored]] of cases.entries()) {
      await linked(h, { traceId: 't', metadata, runName: `run ${i}` })
      expect((await runOf(h, `run ${i}`)).metadata).toEqual(stored)
    }
  })

  test('a run may have the empty name', async () => {
    const h = await serve()
    const { datasetRunId } = await linked(h, { traceId: 't', runName: '' })
    expect((await get(h, '/datasets/ds/runs')).body.data).toMatchObject([
      { id: datasetRunId, name: '' },
    ])
    expect((await list(h, '', '')).body.meta.totalItems).toBe(1)
  })

  test('a dataset version selects the item as it was, and is recorded in the metadata of a new run', async () => {
    const h = await serve()
    const { createdAt } = (await get(h, '/dataset-items/item-0')).body
    await h.call('POST', `${base}/dataset-items`, {
      datasetName: 'ds',
      id: 'item-0',
      status: 'ARCHIVED',
    })
    await linked(h, {
      traceId: 't',
      datasetVersion: createdAt.replace('Z', '999Z'),
      metadata: { k: 1 },
    })
    expect((await runOf(h)).metadata).toEqual({ k: 1, dataset_version: createdAt })
    await linked(h, { traceId: 't2', datasetVersion: Date.parse(createdAt) })
    expect((await runOf(h)).metadata).toEqual({ k: 1, dataset_version: createdAt })
    await linked(h, { traceId: 't', runName: 'bare', datasetVersion: createdAt })
    expect((await runOf(h, 'bare')).metadata).toEqual({ dataset_version: createdAt })
    const rows =
      await h.db`select distinct example_version from run_items where tenant_id = ${h.tenant.id}`
    expect(rows).toEqual([{ exampleVersion: createdAt.replace('Z', '000Z') }])
  })

  test('createdAt sets the time of the item, and that of the run when the run is new', async () => {
    const h = await serve()
    const body = await linked(h, { traceId: 't', createdAt: '2020-02-29T23:59:59.123456789+02:00' })
    expect(body.createdAt).toBe('2020-02-29T21:59:59.123Z')
    expect((await runOf(h)).createdAt).toBe('2020-02-29T21:59:59.123Z')
    await linked(h, { traceId: 't2', createdAt: '2021-01-01T00:00:00Z' })
    expect((await runOf(h)).createdAt).toBe('2020-02-29T21:59:59.123Z')
  })

  test('an observation without a trace id gets its trace, in the spelling of the client', async () => {
    const h = await serve()
    const trace = '4EA979D0F0A73BAF9A4E3C48989F43E4'
    await h.ingest(runEvent('7cd96ca2eb0dfb8d', trace))
    for (const traceId of [undefined, null, '']) {
      const body = await linked(h, { traceId, observationId: '7cd96ca2eb0dfb8d' })
      expect(body).toMatchObject({ traceId: trace, observationId: '7cd96ca2eb0dfb8d' })
    }
    expect((await list(h)).body.meta.totalItems).toBe(1)
  })

  test('a link that is not applied yet gets the answer that it will have', async () => {
    const h = await serve()
    const body = { runName: 'run', datasetItemId: 'item-0', traceId: 't', observationId: 'o' }
    const answer = await h.db.begin(async (transaction) => {
      await transaction`lock table run_items in share mode`
      const early = await h.call('POST', `${base}/dataset-run-items`, body, { prefer: 'wait=0' })
      expect((await list(h)).body.data).toEqual([])
      return early
    })
    expect(answer.status).toBe(200)
    await h.drain()
    expect((await list(h)).body.data).toEqual([answer.body])
  })

  test('links stay when their item is deleted', async () => {
    const h = await serve()
    const body = await linked(h, { traceId: 't' })
    await h.call('DELETE', `${base}/dataset-items/item-0`)
    expect((await list(h)).body.data).toEqual([body])
  })
})

describe('400', () => {
  test.each([{}, { traceId: null, observationId: null }, { traceId: '', observationId: '' }])(
    'a link with neither trace nor observation: %j',
    async (ids) => {
      const h = await serve()
      const answer = await link(h, ids)
      expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid request data' } })
      expect(answer.body.error[0]).toEqual({
        code: 'custom',
        path: ['observationId', 'traceId'],
        message: 'observationId or traceId must be provided',
      })
    },
  )

  test('an unknown key', async () => {
    const h = await serve()
    const answer = await link(h, { traceId: 't', foo: 1 })
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({
      message: 'Invalid request data',
      error: [
        { code: 'unrecognized_keys', keys: ['foo'], path: [], message: 'Unrecognized key: "foo"' },
      ],
    })
  })

  test('a missing run name', async () => {
    const h = await serve()
    expect((await link(h, { runName: undefined, traceId: 't' })).body).toEqual({
      message: 'Invalid request data',
      error: [
        {
          expected: 'string',
          code: 'invalid_type',
          path: ['runName'],
          message: 'Invalid input: expected string, received undefined',
        },
      ],
    })
  })

  test('a field of the wrong type or form makes nothing', async () => {
    const h = await serve()
    const wrong = [
      { runName: 1 },
      { runName: null },
      { runDescription: {} },
      { datasetItemId: null },
      { traceId: 1 },
      { observationId: ['o'] },
      { datasetVersion: '' },
      { datasetVersion: 'garbage' },
      { datasetVersion: true },
      { datasetVersion: 1e18 },
      { createdAt: '2026-01-01' },
      { createdAt: '2026-01-01T00:00Z' },
      { createdAt: '2026-01-01T00:00:00' },
      { createdAt: '2026-01-01t00:00:00z' },
      { createdAt: '2026-02-30T00:00:00Z' },
      { createdAt: 1_700_000_000_000 },
    ]
    for (const body of wrong) {
      const answer = await link(h, { traceId: 't', ...body })
      expect(answer, JSON.stringify(body)).toMatchObject({
        status: 400,
        body: { message: 'Invalid request data' },
      })
    }
    expect((await get(h, '/datasets/ds/runs')).body.data).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('a list without datasetId or runName, or with either twice', async () => {
    const h = await serve()
    for (const query of [
      '',
      'datasetId=x',
      'runName=x',
      'datasetId=x&datasetId=x&runName=x',
      'datasetId=x&runName=x&limit=101',
    ]) {
      expect((await get(h, `/dataset-run-items?${query}`)).status).toBe(400)
    }
  })

  test('NUL, lone surrogates, long names and deep metadata are stored or refused, and cause no error of ours', async () => {
    const h = await serve()
    const odd = await h.call(
      'POST',
      `${base}/dataset-run-items`,
      '{"runName":"r\\u0000\\ud800","datasetItemId":"item-0","traceId":"t\\u0000","observationId":"\\ud800","metadata":{"\\u0000":"\\ud800"}}',
    )
    expect(odd).toMatchObject({
      status: 200,
      body: { datasetRunName: 'r\ufffd\ufffd', traceId: 't\ufffd', observationId: '\ufffd' },
    })
    expect((await list(h, '', 'r\ufffd\ufffd')).body.meta.totalItems).toBe(1)
    const deep = `${'['.repeat(1000)}${']'.repeat(1000)}`
    for (const body of [
      `{"runName":"deep","datasetItemId":"item-0","traceId":"t","metadata":${deep}}`,
      `{"runName":"huge","datasetItemId":"item-0","traceId":"t","metadata":{"n":1e200000}}`,
      `{"runName":"${Array.from({ length: 3000 }, (_, i) => i.toString(36)).join('-')}","datasetItemId":"item-0","traceId":"t"}`,
    ]) {
      expect((await h.call('POST', `${base}/dataset-run-items`, body)).status).toBe(400)
    }
    expect((await get(h, '/datasets/ds/runs')).body.meta.totalItems).toBe(1)
    expect(h.errors).toEqual([])
  })
})

describe('404', () => {
  test('an item that is unknown, archived, deleted, not yet there, or of another tenant', async () => {
    const h = await serve()
    const other = await h.addTenant()
    const post = { datasetName: 'ds', input: 1 }
    await h.call('POST', `${base}/dataset-items`, { ...post, id: 'archived', status: 'ARCHIVED' })
    await h.call('POST', `${base}/dataset-items`, { ...post, id: 'deleted' })
    await h.call('DELETE', `${base}/dataset-items/deleted`)
    const error = { message: 'Dataset item not found', error: 'LangfuseNotFoundError' }
    for (const datasetItemId of ['', 'none', 'archived', 'deleted']) {
      expect(await link(h, { datasetItemId, traceId: 't' })).toMatchObject({
        status: 404,
        body: error,
      })
    }
    const early = { traceId: 't', datasetVersion: '2020-01-01' }
    expect(await link(h, early)).toMatchObject({ status: 404, body: error })
    const theirs = { runName: 'run', datasetItemId: 'item-0', traceId: 't' }
    expect(await h.callAs(other, 'POST', `${base}/dataset-run-items`, theirs)).toMatchObject({
      status: 404,
      body: error,
    })
    expect((await get(h, '/datasets/ds/runs')).body.data).toEqual([])
  })

  test('an observation that is unknown, or has no trace yet', async () => {
    const h = await serve()
    expect(await link(h, { observationId: 'o' })).toMatchObject({
      status: 404,
      body: { message: 'Observation not found', error: 'LangfuseNotFoundError' },
    })
    await h.ingest(runEvent('o', null))
    expect(await link(h, { observationId: 'o' })).toMatchObject({
      status: 404,
      body: { message: 'Trace not found', error: 'LangfuseNotFoundError' },
    })
  })

  test('a list of an unknown run, of a dataset by its name, and of another tenant', async () => {
    const h = await serve()
    const other = await h.addTenant()
    await linked(h, { traceId: 't' })
    const body = {
      message: 'Dataset run not found for the given project and dataset id',
      error: 'LangfuseNotFoundError',
    }
    expect(await list(h, '', 'none')).toMatchObject({ status: 404, body })
    expect(await get(h, '/dataset-run-items?datasetId=ds&runName=run')).toMatchObject({
      status: 404,
      body,
    })
    const path = `${base}/dataset-run-items?datasetId=${h.datasetId}&runName=run`
    expect(await h.callAs(other, 'GET', path)).toMatchObject({ status: 404, body })
  })
})
