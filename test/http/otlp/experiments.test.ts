import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { resolveId } from '../../../src/domain/ids.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { javascriptItem, python5Item, pythonItem } from './experiment-spans.ts'
import {
  parsed,
  rootId,
  runsByName,
  send,
  traceId,
  traceRow,
  type TestSpan,
  type Value,
} from './spans.ts'

const base = '/api/public'

/** Starts a server with the dataset `ds` and its item `item-0`. */
async function serve(): Promise<Harness & { datasetId: string }> {
  const h = await harness()
  const { body } = await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
  await h.call('POST', `${base}/dataset-items`, {
    datasetName: 'ds',
    id: 'item-0',
    input: { q: 'Q0' },
    expectedOutput: 'A0',
  })
  return Object.assign(h, { datasetId: body.id as string })
}

async function link(h: Harness, observationId: string) {
  const { status, body } = await h.call('POST', `${base}/dataset-run-items`, {
    runName: 'run A',
    runDescription: 'from the link',
    metadata: { model: 'm1', cfg: { t: 0 } },
    datasetItemId: 'item-0',
    traceId,
    observationId,
  })
  expect(status).toBe(200)
  return body
}

async function runs(h: Harness) {
  const rows = await h.db`select * from runs where tenant_id = ${h.tenant.id} order by id`
  return rows.map(parsed)
}

async function runItems(h: Harness) {
  const rows =
    await h.db`select * from run_items where tenant_id = ${h.tenant.id} order by created_at, id`
  return rows.map(parsed)
}

async function experiments(h: Harness) {
  const rows = await h.db`
    select * from experiments where tenant_id = ${h.tenant.id} and name <> 'default' order by created_at, id`
  return rows.map(parsed)
}

async function sendAll(h: Harness, spans: TestSpan[]) {
  expect((await send(h, spans)).status).toBe(200)
  await h.drain()
  expect(h.errors).toEqual([])
}

const item = { traceId, rootId, itemId: 'item-0' }

describe('the recorded spans of the SDKs', () => {
  test("JavaScript's experiment: a posted link and its trace are one run item, whichever comes first", async () => {
    const links: unknown[] = []
    for (const isLinkFirst of [true, false]) {
      const h = await serve()
      const experimentId = (
        await h.call('POST', `${base}/dataset-run-items`, {
          runName: 'run A',
          datasetItemId: 'item-0',
          traceId: 'before',
        })
      ).body.datasetRunId
      const spans = javascriptItem({ ...item, experimentId, datasetId: h.datasetId })
      if (!isLinkFirst) await sendAll(h, spans)
      const posted = await link(h, rootId)
      if (isLinkFirst) await sendAll(h, spans)
      await sendAll(h, spans)
      const stored = (await runItems(h)).filter((row) => row.externalTraceId === traceId)
      expect(stored).toHaveLength(1)
      expect(stored[0]).toMatchObject({
        id: posted.id,
        experimentId,
        datasetId: h.datasetId,
        externalRunId: rootId,
        exampleOutputs: 'A0',
        exampleMetadata: { idx: 0, nested: { k: 'v' } },
      })
      // What the link said stays: its time and the version of the item.
      expect(stored[0].exampleVersion).not.toBeNull()
      expect(stored[0].createdAt.slice(0, 23)).toBe(posted.createdAt.slice(0, 23))
      // Each pass has its own dataset, so the ids differ.
      links.push({ ...stored[0], ...ignored, id: null })
      const [experiment, ...more] = await experiments(h)
      expect(more).toEqual([])
      expect(experiment).toMatchObject({ id: experimentId, description: 'from the link' })
      await h.close()
    }
    expect(links[1]).toEqual(links[0])
  })

  test("JavaScript's spans read back as the SDK's own tests ask", async () => {
    const h = await serve()
    const { datasetRunId } = await link(h, rootId)
    await sendAll(
      h,
      javascriptItem({ ...item, experimentId: datasetRunId, datasetId: h.datasetId }),
    )
    const runs = await runsByName(h)
    expect(runs['llm-call']).toMatchObject({
      runType: 'llm',
      parentRunId: runs['experiment-item-run'].id,
      model: 'gpt-x',
      totalTokens: 8,
      totalCost: '0.03',
      environment: 'sdk-experiment',
    })
    const trace = await traceRow(h)
    expect(trace).toMatchObject({
      name: 'experiment-item-run',
      inputs: { q: 'Q0' },
      outputs: 'A0',
      environment: 'sdk-experiment',
      totalTokens: 8,
      metadata: {
        idx: 0,
        nested: { k: 'v' },
        experiment_name: 'exp',
        experiment_run_name: 'run A',
        dataset_id: h.datasetId,
        dataset_item_id: 'item-0',
      },
    })
    expect(Object.keys(trace.metadata).filter((key) => key.startsWith('langfuse'))).toEqual([])
  })

  test("Python's experiment: the task below the root is the run item", async () => {
    const h = await serve()
    const taskId = '7cd96ca2eb0dfb8d'
    const { id, datasetRunId } = await link(h, taskId)
    await sendAll(
      h,
      pythonItem({ ...item, taskId, experimentId: datasetRunId, datasetId: h.datasetId }),
    )
    const stored = await runItems(h)
    expect(stored).toMatchObject([
      {
        id,
        externalRunId: taskId,
        exampleOutputs: { a: 0 },
        exampleMetadata: { m: 0, n: { k: [1] } },
      },
    ])
    const runs = await runsByName(h)
    expect(runs.ev).toMatchObject({
      runType: 'evaluator',
      metadata: { evaluator_kind: 'item', evaluator_index: 0 },
      outputs: [{ name: 'acc', value: 1, comment: 'c', metadata: { z: 1 } }],
    })
    expect(runs['experiment-item-task'].metadata).toMatchObject({
      m: 0,
      n: { k: [1] },
      cfg: { t: 0.1 },
    })
  })

  test('shuffled, doubled and cut into pieces the same spans make the same rows', async () => {
    const spans = [
      ...javascriptItem({ ...item, experimentId: 'f424aa36dd75786d', datasetId: null }),
      ...pythonItem({
        traceId: '912d6fec03b19675327afa7a7872d4a3',
        rootId: '1cd96ca2eb0dfb8d',
        taskId: '7cd96ca2eb0dfb8d',
        itemId: 'py-0',
        experimentId: 'f424aa36dd75786e',
        datasetId: null,
      }),
    ]
    const dumps: unknown[] = []
    for (const order of [spans, spans.toReversed(), [...spans, ...spans.toReversed()]]) {
      for (const size of [spans.length * 2, 1, 3]) {
        const h = await harness()
        for (let i = 0; i < order.length; i += size) await sendAll(h, order.slice(i, i + size))
        const rows = [
          ...(await runs(h)),
          await traceRow(h),
          ...(await runItems(h)),
          ...(await experiments(h)),
        ]
        const facts = rows.map((row) => ({ ...row, ...ignored }))
        dumps.push(facts.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
        await h.close()
      }
    }
    for (const dump of dumps) expect(dump).toEqual(dumps[0])
  })
})

/** Fields that say when things came, in which pieces, and who sent them. They are not compared. */
const ignored = {
  v: null,
  fv: null,
  m: null,
  metadataV: null,
  createdAt: null,
  updatedAt: null,
  startTime: null,
  timestamp: null,
  tenantId: null,
  experimentId: null,
  datasetId: null,
  exampleId: null,
  exampleVersion: null,
}

describe('without a posted link', () => {
  test('an experiment over local data is made under the id that its client chose', async () => {
    const h = await harness()
    const experimentId = 'f424aa36dd75786d'
    await sendAll(
      h,
      javascriptItem({ ...item, itemId: '7a1ca4ef7515f727', experimentId, datasetId: null }),
    )
    const { id } = resolveId('experiment', experimentId)
    expect(await experiments(h)).toMatchObject([
      {
        id,
        externalId: experimentId,
        datasetId: null,
        name: 'run A',
        description: 'desc',
        metadata: { model: 'm1', cfg: { t: 0 } },
      },
    ])
    expect(await runItems(h)).toMatchObject([
      {
        experimentId: id,
        datasetId: null,
        externalExampleId: '7a1ca4ef7515f727',
        externalTraceId: traceId,
        externalRunId: rootId,
        exampleOutputs: 'A0',
        createdAt: '2026-11-21T20:00:00.000000Z',
      },
    ])
  })

  test('two local experiments of one name stay two', async () => {
    const h = await harness()
    for (const [i, experimentId] of ['aaaa', 'bbbb'].entries()) {
      const own = { traceId: `${i + 1}`.padStart(32, '0'), rootId: `${i + 1}`.padStart(16, '0') }
      await sendAll(h, javascriptItem({ ...item, ...own, experimentId, datasetId: null }))
    }
    expect(await experiments(h)).toMatchObject([
      { name: 'run A', externalId: 'aaaa' },
      { name: 'run A', externalId: 'bbbb' },
    ])
  })

  test('metadata sent as one attribute per member is put together', async () => {
    const h = await harness()
    await sendAll(
      h,
      pythonItem({ ...item, taskId: '7cd96ca2eb0dfb8d', experimentId: 'local', datasetId: null }),
    )
    expect(await experiments(h)).toMatchObject([
      { name: 'py run', metadata: { model: 'm', cfg: { t: 0.1 } } },
    ])
  })

  test('an unknown id means the run of that name on the dataset, which is made when it is new', async () => {
    const h = await serve()
    const spans = javascriptItem({ ...item, experimentId: 'random', datasetId: h.datasetId })
    await sendAll(h, spans)
    await sendAll(h, spans)
    const [made, ...more] = await experiments(h)
    expect(more).toEqual([])
    expect(made).toMatchObject({ name: 'run A', datasetId: h.datasetId, description: 'desc' })
    const { body } = await h.call('GET', `${base}/datasets/ds/runs/run%20A`)
    expect(body).toMatchObject({
      id: 'random',
      metadata: { model: 'm1', cfg: { t: 0 } },
      datasetRunItems: [{ datasetItemId: 'item-0', traceId, observationId: rootId }],
    })
    // A link that comes late makes no other row.
    expect((await link(h, rootId)).id).toBe((await runItems(h))[0].id)
    expect(await runItems(h)).toHaveLength(1)
  })

  test('a dataset that does not exist leaves an experiment over local data', async () => {
    const h = await harness()
    await sendAll(h, javascriptItem({ ...item, experimentId: 'random', datasetId: 'gone' }))
    expect(await experiments(h)).toMatchObject([{ externalId: 'random', datasetId: null }])
    // It is shown as the client named it.
    const from = 'fromStartTime=2026-01-01T00:00:00Z'
    const listed = await h.call('GET', `${base}/experiments?${from}`)
    expect(listed.body.data).toMatchObject([{ id: 'random', datasetId: 'gone' }])
    const items = await h.call('GET', `${base}/experiment-items?${from}`)
    expect(items.body.data).toMatchObject([{ experimentId: 'random', experimentDatasetId: 'gone' }])
  })

  test('a deleted run does not come back, and neither do its items', async () => {
    const h = await serve()
    const { datasetRunId } = await link(h, rootId)
    const spans = javascriptItem({ ...item, experimentId: datasetRunId, datasetId: h.datasetId })
    expect((await h.call('DELETE', `${base}/datasets/ds/runs/run%20A`)).status).toBe(200)
    await h.drain()
    await sendAll(h, spans)
    expect(await experiments(h)).toEqual([])
    expect(await runItems(h)).toEqual([])
    expect(Object.keys(await runsByName(h))).toHaveLength(2)
  })

  describe('Python 5', () => {
    const experimentId = 'a1b2c3d4e5f60718'
    const taskId = '7cd96ca2eb0dfb8d'
    const score = { id: 's', name: 'accuracy', value: 0.5, datasetRunId: experimentId }
    const spansOf = (datasetId: string, more: { start?: number } = {}) =>
      python5Item({ ...item, taskId, experimentId, datasetId, ...more })
    const experimentsOf = async (h: Harness, query: string) => {
      const since = 'fromStartTime=2026-01-01T00:00:00Z&fields=core,scores'
      const { body } = await h.call('GET', `${base}/experiments?${since}&${query}`)
      return body.data
    }

    test('the id that it chose names the run everywhere, and scores of the run come by it first or last', async () => {
      const shown: unknown[] = []
      for (const isScoreFirst of [true, false]) {
        const h = await serve()
        const sendScore = async () => {
          expect((await h.call('POST', `${base}/scores`, [score])).status).toBe(202)
        }
        if (isScoreFirst) await sendScore()
        await sendAll(h, spansOf(h.datasetId))
        if (!isScoreFirst) await sendScore()
        await h.drain()
        const run = (await h.call('GET', `${base}/datasets/ds/runs/py%20run`)).body
        expect(run).toMatchObject({
          id: experimentId,
          description: 'desc',
          metadata: { model: 'm' },
          datasetRunItems: [{ datasetRunId: experimentId, traceId, observationId: taskId }],
        })
        const [listed] = await experimentsOf(h, `id=${experimentId}`)
        expect(listed).toMatchObject({
          id: experimentId,
          name: 'py run',
          itemCount: 1,
          scores: [{ name: 'accuracy', value: 0.5 }],
        })
        shown.push([listed.itemCount, listed.scores.length])
      }
      expect(shown[0]).toEqual(shown[1])
    })

    test('a run that a link made keeps its id', async () => {
      const h = await serve()
      const { body } = await h.call('POST', `${base}/dataset-run-items`, {
        runName: 'py run',
        datasetItemId: 'item-0',
        traceId: 'before',
      })
      await sendAll(h, spansOf(h.datasetId))
      expect(await experiments(h)).toMatchObject([{ id: body.datasetRunId, externalId: null }])
      expect(await runItems(h)).toHaveLength(2)
    })

    test('after a deletion, a new run of that name is a new one, and late spans of the old one are not', async () => {
      const h = await serve()
      h.clock.advance(Date.parse('2026-11-21T20:00:01Z') - Date.parse(h.clock.now()))
      await sendAll(h, spansOf(h.datasetId))
      expect((await h.call('DELETE', `${base}/datasets/ds/runs/py%20run`)).status).toBe(200)
      await h.drain()
      await sendAll(h, spansOf(h.datasetId))
      expect(await experiments(h)).toEqual([])
      await sendAll(h, spansOf(h.datasetId, { start: 60_000 }))
      const [again, ...more] = await experiments(h)
      expect(more).toEqual([])
      expect(again).toMatchObject({ name: 'py run', externalId: null })
      expect(await runItems(h)).toMatchObject([{ experimentId: again.id }])
    })
  })

  test("a scored comparison over OTLP's items counts them", async () => {
    const h = await serve()
    await sendAll(h, javascriptItem({ ...item, experimentId: 'random', datasetId: h.datasetId }))
    const [experiment] = await experiments(h)
    const { status, body } = await h.call('POST', `/datasets/${h.datasetId}/runs`, {
      session_ids: [experiment.id],
    })
    expect(status).toBe(200)
    expect(body).toMatchObject([{ inputs: { q: 'Q0' }, runs: [{ name: 'experiment-item-run' }] }])
  })

  test('attributes that name no item, or another span as the item, make no run item', async () => {
    const h = await harness()
    await sendAll(h, [
      { spanId: '1'.repeat(16), attributes: { 'langfuse.experiment.id': 'x' } },
      { spanId: '2'.repeat(16), attributes: { 'langfuse.experiment.item.id': 'x' } },
      {
        spanId: '3'.repeat(16),
        attributes: {
          'langfuse.experiment.id': 'x',
          'langfuse.experiment.item.id': 'i',
          'langfuse.experiment.item.root_observation_id': '4'.repeat(16),
        },
      },
      {
        spanId: '5'.repeat(16),
        parentSpanId: '3'.repeat(16),
        attributes: { 'langfuse.experiment.id': 'x', 'langfuse.experiment.item.id': 'i' },
      },
    ])
    expect(await runItems(h)).toEqual([])
    expect(await experiments(h)).toEqual([])
  })

  test('odd values of every attribute are no error', async () => {
    const h = await harness()
    const odd: Value[] = [
      '',
      'a\u0000b',
      '\ud800',
      '{"a":1e99999}',
      '[',
      randomBytes(5000).toString('hex'),
      7,
      true,
      ['a'],
      null,
      { a: [] },
    ]
    const names = [
      'id',
      'name',
      'description',
      'metadata',
      'metadata.k',
      'dataset.id',
      'item.id',
      'item.version',
      'item.expected_output',
      'item.metadata',
    ]
    const spans = odd.flatMap((value, i) =>
      names.map((name, j) => ({
        traceId: `${i + 1}`.padStart(32, '0'),
        spanId: `${i * 100 + j + 1}`.padStart(16, '0'),
        attributes: {
          'langfuse.experiment.id': `e${i}-${j}`,
          'langfuse.experiment.item.id': 'i',
          [`langfuse.experiment.${name}`]: value,
        },
      })),
    )
    await sendAll(h, spans)
    expect((await runItems(h)).length).toBeGreaterThan(spans.length - 10)
  })
})
