import { describe, expect, test } from 'vitest'
import { eventVersion, type IngestEvent } from '../../../../src/domain/events.ts'
import { deriveId } from '../../../../src/domain/ids.ts'
import { fromEpochMs } from '../../../../src/domain/timestamp.ts'
import { harness, type Harness } from '../../../support/harness.ts'

const base = '/api/public'
const start = Date.UTC(2026, 0, 21)

/** A server with a dataset `evals/ds` that has one item, `item`. */
async function serve() {
  const h = await harness()
  const { body } = await h.call('POST', `${base}/v2/datasets`, { name: 'evals/ds' })
  await h.call('POST', `${base}/dataset-items`, { datasetName: 'evals/ds', id: 'item', input: 1 })
  return Object.assign(h, { datasetId: body.id as string })
}

async function link(h: Harness, runName: string, traceId = 't') {
  const answer = await h.call('POST', `${base}/dataset-run-items`, {
    runName,
    datasetItemId: 'item',
    traceId,
  })
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function runs(h: Harness, path = '') {
  return h.call('GET', `${base}/datasets/evals%2Fds/runs${path}`)
}

describe('200', () => {
  test('runs made back to back are listed newest first, with strictly increasing times', async () => {
    const h = await serve()
    const names = Array.from({ length: 9 }, (_, i) => `run ${i}`)
    for (const name of names) {
      h.clock.advance(-100)
      await link(h, name)
    }
    const { body } = await runs(h)
    expect(body.data.map((run: { name: string }) => run.name)).toEqual(names.toReversed())
    expect(new Set(body.data.map((run: { createdAt: string }) => run.createdAt)).size).toBe(9)
    expect(body.data[0]).toEqual({
      id: expect.any(String),
      name: 'run 8',
      description: null,
      metadata: {},
      datasetId: h.datasetId,
      datasetName: 'evals/ds',
      createdAt: body.data[0].createdAt,
      updatedAt: body.data[0].createdAt,
    })
    const page = (await runs(h, '?page=2&limit=4')).body
    expect(page.data).toEqual(body.data.slice(4, 8))
    expect(page.meta).toEqual({ page: 2, limit: 4, totalItems: 9, totalPages: 3 })
  })

  test.each([
    ['run A', 'run%20A'],
    ['100% sure', '100%25%20sure'],
    ['a/b %2F c', 'a%2Fb%20%252F%20c'],
    ['n - 2026-11-21T21:03:27.322Z', 'n%20-%202026-11-21T21%3A03%3A27.322Z'],
  ])('the run name %j is one segment of the path, decoded exactly once', async (name, segment) => {
    const h = await serve()
    const body = await link(h, name)
    expect((await runs(h, `/${segment}`)).body).toMatchObject({ id: body.datasetRunId, name })
  })

  test('a run is answered with all its items, more than any page holds, newest first', async () => {
    const h = await serve()
    const { datasetRunId, datasetItemId } = await link(h, 'large')
    const exampleId = deriveId('example', datasetItemId)
    const events = Array.from({ length: 2500 }, (_, i): IngestEvent => {
      const id = deriveId('test', String(i))
      // Two items have each time, so that some pages end within a tie.
      const createdAt = fromEpochMs(start + Math.floor(i / 2))!
      return {
        kind: 'run_item',
        id,
        externalId: null,
        version: eventVersion('create', createdAt, id),
        patch: {
          experimentId: datasetRunId,
          datasetId: h.datasetId,
          exampleId,
          traceId: id,
          createdAt,
        },
      }
    })
    await h.ingest(...events)
    const answer = await runs(h, '/large')
    expect(answer.headers['content-type']).toContain('application/json')
    const items: { id: string; createdAt: string; datasetItemId: string }[] =
      answer.body.datasetRunItems
    expect(new Set(items.map((item) => item.id)).size).toBe(2501)
    expect(items).toHaveLength(2501)
    const times = items.map((item) => item.createdAt)
    expect(times).toEqual(times.toSorted().toReversed())
    expect(items.every((item) => item.datasetItemId === 'item')).toBe(true)
  })

  test('a deleted run is not found, nor are its items, and its name makes a new run', async () => {
    const h = await serve()
    const first = await link(h, 'run')
    await link(h, 'other')
    const path = `${base}/datasets/evals%2Fds/runs/run`
    expect(await h.call('DELETE', path)).toMatchObject({
      status: 200,
      body: { message: 'Dataset run successfully deleted' },
    })
    expect((await runs(h)).body.data).toMatchObject([{ name: 'other' }])
    const items = `${base}/dataset-run-items?datasetId=${h.datasetId}&runName=run`
    expect((await h.call('GET', items)).status).toBe(404)
    expect((await h.call('DELETE', path)).status).toBe(404)
    const second = await link(h, 'run')
    expect(second.datasetRunId).not.toBe(first.datasetRunId)
    expect((await h.call('GET', items)).body.data).toEqual([second])
    await h.drain()
    expect((await h.call('GET', items)).body.data).toEqual([second])
  })

  test('the scores of a deleted run stay, both those on its traces and those on the run itself', async () => {
    const h = await serve()
    const { datasetRunId } = await link(h, 'run')
    const score = async (id: string, subject: object) => {
      const answer = await h.call('POST', `${base}/scores`, { id, name: id, value: 1, ...subject })
      expect(answer.status, answer.text).toBe(200)
    }
    await h.call('POST', `${base}/ingestion`, {
      batch: [{ id: 'e', type: 'trace-create', timestamp: h.clock.now(), body: { id: 't' } }],
    })
    await score('of the trace', { traceId: 't' })
    await score('of the run', { datasetRunId })
    await h.call('DELETE', `${base}/datasets/evals%2Fds/runs/run`)
    // A score can still arrive later, and it can still be changed after the purge.
    await score('late', { datasetRunId })
    const names = async (path: string) => {
      const { body } = await h.call('GET', `${base}${path}`)
      return body.data.map((one: { name: string }) => one.name)
    }
    const expectScores = async () => {
      expect(await names(`/v2/scores?datasetRunId=${datasetRunId}`)).toEqual(['late', 'of the run'])
      expect(await names(`/v3/scores?experimentId=${datasetRunId}`)).toEqual(['late', 'of the run'])
      expect(await names('/v2/scores?traceId=t')).toEqual(['of the trace'])
      expect((await h.call('GET', `${base}/v2/scores/late`)).body).toMatchObject({ datasetRunId })
      expect((await h.call('GET', `${base}/traces/t`)).status).toBe(200)
    }
    await expectScores()
    await h.drain()
    expect(await h.db`select id from tombstones where purged_at is null`).toEqual([])
    await expectScores()
    expect(await h.db`select * from run_items`).toEqual([])
    await score('late', { datasetRunId, comment: 'changed' })
    expect((await h.call('GET', `${base}/v2/scores/late`)).body.comment).toBe('changed')
    const again = (await link(h, 'run')).datasetRunId
    expect(await names(`/v2/scores?datasetRunId=${again}`)).toEqual([])
    await h.drain()
    expect(await h.db`select * from dirty_traces`).toEqual([])
    const aggregates = await h.db<{ experimentId: string }[]>`
      select experiment_id from experiment_aggregates`
    expect(aggregates.map(({ experimentId }) => experimentId)).not.toContain(datasetRunId)
    expect((await h.call('DELETE', `${base}/scores/late`)).status).toBe(202)
    expect(await names(`/v2/scores?datasetRunId=${datasetRunId}`)).toEqual(['of the run'])
  })

  test('LangSmith can read the scores that stay, and a deletion through LangSmith removes them', async () => {
    const h = await serve()
    const ids = [(await link(h, 'a')).datasetRunId, (await link(h, 'b')).datasetRunId] as const
    const score = async (datasetRunId: string) =>
      h.call('POST', `${base}/scores`, { name: 'k', value: 1, datasetRunId })
    for (const id of ids) await score(id)
    await h.call('DELETE', `${base}/datasets/evals%2Fds/runs/a`)
    expect((await h.call('DELETE', `/sessions/${ids[1]}`)).status).toBe(200)
    await score(ids[1])
    const expectFeedback = async () => {
      expect((await h.call('GET', `/feedback?session=${ids[0]}`)).body).toMatchObject([
        { key: 'k', session_id: ids[0], score: 1 },
      ])
      expect((await h.call('GET', `/feedback?session=${ids[1]}`)).body).toEqual([])
      expect((await h.call('GET', `${base}/v2/scores?datasetRunId=${ids[1]}`)).body.data).toEqual(
        [],
      )
    }
    await expectFeedback()
    await h.drain()
    await expectFeedback()
    expect(await h.db`select experiment_id from feedback`).toEqual([{ experimentId: ids[0] }])
  })

  test('a LangSmith experiment on the dataset is a run, and its root runs are run items', async () => {
    const h = await serve()
    const exampleId = deriveId('example', 'item')
    const session = await h.call('POST', '/sessions', {
      name: 'experiment',
      reference_dataset_id: h.datasetId,
      extra: { metadata: { model: 'm' } },
    })
    expect(session.status, session.text).toBe(200)
    const id = 'b8137f54-915b-4989-8e1b-3a91f02c8a56'
    await h.call('POST', '/runs', {
      id,
      trace_id: id,
      dotted_order: `20260121T143542000000Z${id}`,
      session_id: session.body.id,
      name: 'target',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42.000000Z',
      reference_example_id: exampleId,
      inputs: {},
    })
    await h.drain()
    expect((await runs(h)).body.data).toMatchObject([
      {
        id: session.body.id,
        name: 'experiment',
        metadata: { model: 'm' },
        datasetName: 'evals/ds',
      },
    ])
    expect((await runs(h, '/experiment')).body.datasetRunItems).toMatchObject([
      {
        datasetRunId: session.body.id,
        datasetRunName: 'experiment',
        datasetItemId: 'item',
        traceId: id,
        observationId: null,
      },
    ])
    // A link that names it adds one more item to the same run.
    expect((await link(h, 'experiment')).datasetRunId).toBe(session.body.id)
    expect((await runs(h, '/experiment')).body.datasetRunItems).toHaveLength(2)
  })
})

describe('404', () => {
  test('unknown runs and datasets, and those of another tenant', async () => {
    const h = await serve()
    const other = await h.addTenant()
    await link(h, 'run')
    const body = { message: 'Dataset run not found', error: 'LangfuseNotFoundError' }
    for (const method of ['GET', 'DELETE'] as const) {
      for (const [as, path] of [
        [h.tenant, '/datasets/evals%2Fds/runs/none'],
        [h.tenant, '/datasets/none/runs/run'],
        [other, '/datasets/evals%2Fds/runs/run'],
      ] as const) {
        expect(await h.callAs(as, method, base + path)).toMatchObject({ status: 404, body })
      }
    }
    expect(await h.call('GET', `${base}/datasets/none/runs`)).toMatchObject({
      status: 404,
      body: { message: 'Dataset not found', error: 'LangfuseNotFoundError' },
    })
    expect((await runs(h, '/run')).status).toBe(200)
    expect(h.errors).toEqual([])
  })
})
