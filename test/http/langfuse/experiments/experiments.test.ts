import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'
import { javascriptItem, pythonItem } from '../../otlp/experiment-spans.ts'
import { send } from '../../otlp/spans.ts'

const base = '/api/public'
const from = 'fromStartTime=2026-01-01T00:00:00Z'

/** Consists of 32 hex digits. */
function trace(n: number): string {
  return n.toString(16).padStart(32, 'a')
}

/** Consists of 16 hex digits. The helpers that make spans replace the first one. */
function span(n: number): string {
  return n.toString(16).padStart(16, 'b')
}

async function list(h: Harness, query = '', path = 'experiments') {
  const answer = await h.call('GET', `${base}/${path}?${from}&${query}`)
  expect(answer.status, answer.text).toBe(200)
  expect(h.errors).toEqual([])
  return answer.body
}

async function items(h: Harness, query = '') {
  return list(h, query, 'experiment-items')
}

/** A server with the dataset `ds` and the items `item-0` to `item-2`. */
async function serve(): Promise<Harness & { datasetId: string }> {
  const h = await harness()
  const { body } = await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
  for (const n of [0, 1, 2]) {
    const expectedOutput = { a: `from the dataset ${n}` }
    const item = { datasetName: 'ds', id: `item-${n}`, input: n, expectedOutput, metadata: { n } }
    expect((await h.call('POST', `${base}/dataset-items`, item)).status).toBe(200)
  }
  return Object.assign(h, { datasetId: body.id as string })
}

async function link(h: Harness, body: object) {
  const answer = await h.call('POST', `${base}/dataset-run-items`, {
    runName: 'run',
    datasetItemId: 'item-0',
    ...body,
  })
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function ingest(h: Harness, ...events: [type: string, body: object][]) {
  const batch = events.map(([type, body]) => ({
    id: randomUUID(),
    type,
    timestamp: '2026-01-21T14:35:42.000Z',
    body,
  }))
  const answer = await h.call('POST', `${base}/ingestion`, { batch })
  expect(answer).toMatchObject({ status: 207, body: { errors: [] } })
  await h.drain()
}

async function score(h: Harness, body: object) {
  const answer = await h.call('POST', `${base}/scores`, { value: 1, ...body })
  expect(answer.status, answer.text).toBe(200)
  await h.drain()
}

/** Runs an experiment as the JavaScript client does: it sends the link first, then the spans. The model costs 0.03. */
async function runJavascript(h: Harness & { datasetId: string }, n: number, start = n * 100) {
  const ids = { traceId: trace(n), rootId: span(n), itemId: `item-${n}`, datasetId: h.datasetId }
  const { datasetRunId } = await link(h, {
    runName: 'run A',
    runDescription: 'from the link',
    metadata: { model: 'm1' },
    datasetItemId: ids.itemId,
    traceId: ids.traceId,
    observationId: ids.rootId,
  })
  await send(h, javascriptItem({ ...ids, experimentId: datasetRunId, start }))
  await h.drain()
  return datasetRunId as string
}

/** Records one execution as LangSmith's client does. */
async function runLangsmith(h: Harness) {
  const id = randomUUID()
  const runId = randomUUID()
  const { body: dataset } = await h.call('POST', '/datasets', { name: 'lsds' })
  const { body: example } = await h.call('POST', '/examples', {
    dataset_id: dataset.id,
    inputs: { q: 1 },
    outputs: { a: 1 },
    metadata: { hard: true },
  })
  await h.call('POST', '/sessions', { id, name: 'ls exp', reference_dataset_id: dataset.id })
  await h.call('POST', '/runs', {
    id: runId,
    trace_id: runId,
    dotted_order: `20260121T150000000000Z${runId}`,
    session_id: id,
    reference_example_id: example.id,
    name: 'target',
    run_type: 'chain',
    start_time: '2026-01-21T15:00:00.000000Z',
    end_time: '2026-01-21T15:00:02.500000Z',
    inputs: { q: 1 },
    outputs: { a: 2 },
    error: 'boom',
    extra: { metadata: { k: 'v' } },
  })
  await h.drain()
  return { id, runId, datasetId: dataset.id as string, exampleId: example.id as string }
}

describe('200 /experiments', () => {
  test('an experiment of a Langfuse client, with every key', async () => {
    const h = await serve()
    const id = await runJavascript(h, 0)
    await runJavascript(h, 1)
    expect(await list(h)).toEqual({
      data: [
        {
          id,
          name: 'run A',
          description: 'from the link',
          startTime: '2026-11-21T20:00:00.000Z',
          endTime: '2026-11-21T20:00:00.110Z',
          itemCount: 2,
          datasetId: h.datasetId,
        },
      ],
      meta: {},
    })
    const [whole] = (await list(h, 'fields=core,metadata,scores,metrics')).data
    expect(whole).toMatchObject({ metadata: { model: 'm1' }, scores: [], totalCost: 0.06 })
  })

  test('an experiment over local data, under the id that its client chose', async () => {
    const h = await harness()
    const experimentId = 'local-0123456789'
    const ids = { traceId: trace(1), rootId: span(1), taskId: span(2), itemId: 'hash-of-input' }
    await send(h, pythonItem({ ...ids, experimentId, datasetId: null }))
    await h.drain()
    await score(h, { name: 'mean', value: 0.5, datasetRunId: experimentId })
    const { data } = await list(h, `id=${experimentId}&fields=core,metadata,scores`)
    expect(data).toMatchObject([
      {
        id: experimentId,
        name: 'py run',
        description: 'desc',
        itemCount: 1,
        datasetId: null,
        metadata: { model: 'm' },
        scores: [
          { name: 'mean', value: 0.5, dataType: 'NUMERIC', subject: { kind: 'experiment' } },
        ],
      },
    ])
    expect((await items(h, `experimentId=${experimentId}`)).data).toMatchObject([
      {
        id: span(2),
        traceId: trace(1),
        experimentId,
        experimentItemId: 'hash-of-input',
        experimentDatasetId: null,
        experimentItemVersion: null,
      },
    ])
  })

  test('an experiment of a LangSmith client', async () => {
    const h = await harness()
    const { id, datasetId } = await runLangsmith(h)
    await h.call('POST', '/feedback', { session_id: id, key: 'mean', score: 0.25 })
    await h.drain()
    expect((await list(h, 'fields=scores,metrics')).data).toMatchObject([
      {
        id,
        name: 'ls exp',
        startTime: '2026-01-21T15:00:00.000Z',
        endTime: '2026-01-21T15:00:02.500Z',
        itemCount: 1,
        datasetId,
        scores: [{ name: 'mean', value: 0.25 }],
        avgLatency: 2.5,
        totalCost: 0,
      },
    ])
  })

  test('only what was executed within the time counts; a run without an execution is in no list', async () => {
    const h = await serve()
    await runJavascript(h, 0, 0)
    await runJavascript(h, 1, 60_000)
    const window = async (start: string, end?: string) => {
      const query = `fromStartTime=${start}${end === undefined ? '' : `&toStartTime=${end}`}`
      const { body } = await h.call('GET', `${base}/experiments?${query}`)
      const { body: rows } = await h.call('GET', `${base}/experiment-items?${query}`)
      const counts = (body.data as { itemCount: number }[]).map(({ itemCount }) => itemCount)
      expect(rows.data).toHaveLength(counts[0] ?? 0)
      return counts
    }
    expect(await window('2026-11-21T20:00:00Z')).toEqual([2])
    expect(await window('2026-11-21T20:00:00.000001Z')).toEqual([1])
    expect(await window('2026-11-21T21:00:00%2B01:00', '2026-11-21T20:01:00Z')).toEqual([1])
    expect(await window('2026-11-21T20:00:00Z', '2026-11-21T20:01:00.001Z')).toEqual([2])
    expect(await window('2026-11-21T20:02:00Z')).toEqual([])
    expect(await window('2026-11-21T20:00:00Z', '2026-11-21T20:00:00Z')).toEqual([])
    await h.call('POST', '/sessions', { name: 'empty' })
    expect((await list(h)).data).toHaveLength(1)
  })

  test('a deleted run disappears at once, with its items', async () => {
    const h = await serve()
    await runJavascript(h, 0)
    await h.call('DELETE', `${base}/datasets/ds/runs/run%20A`)
    expect((await list(h)).data).toEqual([])
    expect((await items(h)).data).toEqual([])
  })

  test('cost and latency are those of the linked runs, and each trace counts once', async () => {
    const h = await serve()
    const node = (id: string, parent: string | null, seconds: number, cost?: number) =>
      [
        cost === undefined ? 'span-create' : 'generation-create',
        {
          id,
          traceId: 't',
          parentObservationId: parent,
          name: id,
          startTime: '2026-01-21T14:00:00.000Z',
          endTime: `2026-01-21T14:00:0${seconds}.000Z`,
          ...(cost === undefined ? {} : { costDetails: { total: cost } }),
        },
      ] as [string, object]
    await ingest(
      h,
      ['trace-create', { id: 't', timestamp: '2026-01-21T14:00:00.000Z' }],
      node('root', null, 9),
      node('task', 'root', 2),
      node('model', 'task', 1, 0.25),
      node('deeper', 'model', 1, 0.5),
      node('judge', 'root', 8, 8),
    )
    await link(h, { traceId: 't', observationId: 'task' })
    const metrics = async () => (await list(h, 'fields=metrics')).data[0]
    expect(await metrics()).toMatchObject({ avgLatency: 2, totalCost: 0.75, avgTotalCost: 0.75 })
    // The same execution, linked without its observation, changes nothing.
    await link(h, { traceId: 't' })
    expect(await metrics()).toMatchObject({ itemCount: 1, totalCost: 0.75, avgLatency: 2 })
    // A run below one that counts already adds nothing to the cost.
    await link(h, { traceId: 't', observationId: 'model', datasetItemId: 'item-1' })
    expect(await metrics()).toMatchObject({
      itemCount: 2,
      totalCost: 0.75,
      avgTotalCost: 0.375,
      avgLatency: 1.5,
    })
    const { data } = await items(h, 'fields=metrics')
    const costs = Object.fromEntries(
      (data as { id: string; totalCost: number }[]).map((one) => [one.id, one.totalCost]),
    )
    expect(costs).toEqual({ task: 0.75, model: 0.75 })
    // A whole trace counts with everything in it.
    await link(h, { runName: 'whole', traceId: 't' })
    expect((await list(h, 'name=whole&fields=metrics')).data).toMatchObject([
      { totalCost: 8.75, avgLatency: 9 },
    ])
  })

  test('pages follow each other by the last activity, without losing or repeating anything', async () => {
    const h = await serve()
    const names = Array.from({ length: 7 }, (_, n) => `run ${n}`)
    for (const [n, runName] of names.entries()) {
      // Three of them began at the same instant.
      const createdAt = `2026-01-21T14:0${Math.min(n, 4)}:00.000Z`
      await link(h, { runName, traceId: `t${n}`, createdAt })
    }
    await h.drain()
    for (const path of ['experiments', 'experiment-items']) {
      const seen: string[] = []
      let cursor: string | undefined = ''
      while (cursor !== undefined) {
        const page = await list(h, `limit=2&cursor=${cursor}`, path)
        seen.push(...page.data.map((row: Record<string, string>) => row.experimentName ?? row.name))
        cursor = page.meta.cursor
      }
      expect(seen.toSorted()).toEqual(names)
      expect(seen.slice(3)).toEqual(['run 3', 'run 2', 'run 1', 'run 0'])
    }
  })

  test('several ids, names and datasets, and filter conditions that replace these parameters', async () => {
    const h = await serve()
    const id = await runJavascript(h, 0)
    const other = await runLangsmith(h)
    const names = async (query: string) =>
      (await list(h, query)).data.map((row: { name: string }) => row.name)
    expect(await names(`id=${id},${other.id}`)).toEqual(['run A', 'ls exp'])
    expect(await names(`id=${id}&id=nothing`)).toEqual(['run A'])
    expect(await names('name=ls%20exp,none')).toEqual(['ls exp'])
    expect(await names(`datasetId=${other.datasetId}`)).toEqual(['ls exp'])
    expect(await names('id=')).toHaveLength(2)
    const filter = (...conditions: object[]) =>
      `filter=${encodeURIComponent(JSON.stringify(conditions))}`
    const starts = { type: 'string', column: 'name', operator: 'starts with', value: 'ls' }
    expect(await names(filter(starts))).toEqual(['ls exp'])
    expect(await names(`name=run%20A&${filter(starts)}`)).toEqual(['ls exp'])
    const noneOf = { type: 'stringOptions', column: 'id', operator: 'none of', value: [other.id] }
    expect(await names(filter(noneOf))).toEqual(['run A'])
    expect(await names(filter(noneOf, starts))).toEqual([])
    const itemNames = async (query: string) =>
      (await items(h, query)).data.map((row: { experimentName: string }) => row.experimentName)
    expect(await itemNames('experimentItemId=item-0')).toEqual(['run A'])
    expect(await itemNames(`experimentItemId=${other.exampleId},item-0`)).toHaveLength(2)
    expect(await itemNames('experimentName=ls%20exp')).toEqual(['ls exp'])
    expect(await itemNames(`experimentId=${id}&datasetId=${other.datasetId}`)).toEqual([])
    const contains = {
      type: 'string',
      operator: 'contains',
      column: 'experimentItemId',
      value: 'em-',
    }
    expect(await itemNames(filter(contains))).toEqual(['run A'])
  })
})

describe('200 /experiment-items', () => {
  test('an item of a JavaScript client, with every key of every group', async () => {
    const h = await serve()
    const id = await runJavascript(h, 0)
    const core = {
      id: span(0),
      traceId: trace(0),
      startTime: '2026-11-21T20:00:00.000Z',
      endTime: '2026-11-21T20:00:00.010Z',
      level: 'DEFAULT',
      environment: 'sdk-experiment',
      experimentId: id,
      experimentName: 'run A',
      experimentItemId: 'item-0',
    }
    const dataset = {
      experimentDatasetId: h.datasetId,
      experimentItemVersion: expect.stringMatching(/^2026-01-21T14:35:.+\.\d{3}Z$/),
    }
    expect(await items(h)).toEqual({ data: [{ ...core, ...dataset }], meta: {} })
    expect((await items(h, 'fields=core')).data).toEqual([core])
    const { data } = await items(h, 'fields=io,metadata,itemMetadata,experimentMetadata,scores')
    expect(data).toEqual([
      {
        ...core,
        input: { q: 'Q0' },
        output: 'A0',
        expectedOutput: 'A0',
        metadata: expect.objectContaining({ idx: expect.anything(), nested: { k: 'v' } }),
        experimentItemMetadata: { idx: 0, nested: { k: 'v' } },
        experimentMetadata: { model: 'm1' },
        experimentDescription: 'from the link',
        scores: [],
      },
    ])
  })

  test('an item of a LangSmith client is its root run, and an error sets the level', async () => {
    const h = await harness()
    const { id, runId, datasetId, exampleId } = await runLangsmith(h)
    await h.call('POST', '/feedback', { run_id: runId, key: 'correct', score: 0 })
    await h.drain()
    const { data } = await items(h, 'fields=dataset,io,metadata,itemMetadata,scores')
    expect(data).toEqual([
      expect.objectContaining({
        id: runId,
        traceId: runId,
        startTime: '2026-01-21T15:00:00.000Z',
        endTime: '2026-01-21T15:00:02.500Z',
        level: 'ERROR',
        environment: 'default',
        experimentId: id,
        experimentName: 'ls exp',
        experimentItemId: exampleId,
        experimentDatasetId: datasetId,
        input: { q: 1 },
        output: { a: 2 },
        expectedOutput: { a: 1 },
        experimentItemMetadata: { hard: true },
        scores: [expect.objectContaining({ name: 'correct', value: 0 })],
      }),
    ])
    expect(data[0].metadata).toMatchObject({ k: 'v' })
  })

  test('a link is listed before its trace has arrived, and the expected output is that of the version executed', async () => {
    const h = await serve()
    await link(h, { traceId: 'later', observationId: 'o' })
    await h.drain()
    const changed = { datasetName: 'ds', id: 'item-0', input: 9, expectedOutput: 'new' }
    await h.call('POST', `${base}/dataset-items`, changed)
    const row = async () => (await items(h, 'fields=io,itemMetadata')).data
    const known = {
      id: 'o',
      traceId: 'later',
      experimentItemId: 'item-0',
      expectedOutput: { a: 'from the dataset 0' },
      experimentItemMetadata: { n: 0 },
    }
    expect(await row()).toMatchObject([{ ...known, endTime: null, input: null, output: null }])
    await ingest(h, [
      'span-create',
      { id: 'o', traceId: 'later', startTime: '2026-01-21T15:00:00.000Z', input: 'in' },
    ])
    expect(await row()).toMatchObject([
      { ...known, startTime: '2026-01-21T15:00:00.000Z', input: 'in' },
    ])
  })

  test('a trace without observations is shown as the execution itself', async () => {
    const h = await serve()
    await link(h, { traceId: 't' })
    await ingest(h, [
      'trace-create',
      {
        id: 't',
        timestamp: '2026-01-21T14:00:00.000Z',
        input: 'i',
        output: 'o',
        metadata: { k: 1 },
      },
    ])
    expect((await items(h, 'fields=io,metadata')).data).toMatchObject([
      {
        id: 't',
        traceId: 't',
        startTime: '2026-01-21T14:00:00.000Z',
        input: 'i',
        output: 'o',
        metadata: { k: 1 },
      },
    ])
  })

  test('an example that is executed again is another item', async () => {
    const h = await serve()
    await link(h, { traceId: 't1' })
    await link(h, { traceId: 't2' })
    await link(h, { traceId: 't2' })
    await h.drain()
    expect((await items(h)).data).toHaveLength(2)
    expect((await list(h)).data).toMatchObject([{ itemCount: 2 }])
  })

  test('scores are those on the trace and on the linked run, and only as many as asked for', async () => {
    const h = await serve()
    const id = await runJavascript(h, 0)
    await score(h, { name: 'of trace', traceId: trace(0) })
    await score(h, { name: 'of run', traceId: trace(0), observationId: span(0) })
    await score(h, { name: 'of another run', traceId: trace(0), observationId: 'x' })
    await score(h, { name: 'of another trace', traceId: trace(9) })
    await score(h, { name: 'of experiment', datasetRunId: id })
    const names = async (query: string) => {
      const [row] = (await items(h, `fields=scores&${query}`)).data
      return row.scores.map(({ name }: { name: string }) => name)
    }
    expect(await names('')).toEqual(['of run', 'of trace'])
    expect(await names('scoreLimit=1')).toEqual(['of run'])
    const [experiment] = (await list(h, 'fields=scores')).data
    expect(experiment.scores).toMatchObject([{ name: 'of experiment', comment: null }])
  })
})

describe('tenants', () => {
  test('cannot see anything of each other', async () => {
    const h = await serve()
    const id = await runJavascript(h, 0)
    const other = await h.addTenant()
    for (const path of ['experiments', 'experiment-items']) {
      for (const query of ['', `&id=${id}&experimentId=${id}`, '&fields=core,scores,metrics']) {
        const answer = await h.callAs(other, 'GET', `${base}/${path}?${from}${query}`)
        expect(answer).toMatchObject({ status: 200, body: { data: [], meta: {} } })
      }
    }
  })
})

describe('400', () => {
  const cursor = (content: unknown) =>
    `${from}&cursor=${Buffer.from(JSON.stringify(content)).toString('base64url')}`
  const content = { v: 1, lastTime: '2026-01-21T14:00:00.000000Z', lastExperimentId: 'x' }
  const filter = (text: string) => `${from}&filter=${encodeURIComponent(text)}`

  test.each([
    ['no time', ''],
    ['an empty time', 'fromStartTime='],
    ['a date', 'fromStartTime=2026-01-01'],
    ['a time without a zone', 'fromStartTime=2026-01-01T00:00:00'],
    ['a time that is none', 'fromStartTime=2026-02-30T00:00:00Z'],
    ['two times', `${from}&${from}`],
    ['an end that is no time', `${from}&toStartTime=tomorrow`],
    ['limit 0', `${from}&limit=0`],
    ['limit 101', `${from}&limit=101`],
    ['a limit that is text', `${from}&limit=x`],
    ['scoreLimit 0', `${from}&scoreLimit=0`],
    ['scoreLimit 51', `${from}&scoreLimit=51`],
    ['an unknown group', `${from}&fields=core,everything`],
    ['a cursor that is no base64', `${from}&cursor=!!!`],
    ['a cursor that is no object', cursor(null)],
    ['a cursor of another version', cursor({ ...content, v: 2, lastId: randomUUID() })],
    ['a cursor without an id', cursor(content)],
    ['a cursor with another id', cursor({ ...content, lastId: 'x' })],
    ['a cursor with another time', cursor({ ...content, lastId: randomUUID(), lastTime: 'x' })],
    ['a filter that is no JSON', filter('{')],
    ['a filter that is no list', filter('{}')],
    ['an unknown column', filter('[{"type":"string","column":"x","operator":"=","value":""}]')],
    [
      'an unsuited type',
      filter('[{"type":"number","column":"datasetId","operator":"=","value":1}]'),
    ],
    [
      'an unknown operator',
      filter('[{"type":"string","column":"datasetId","operator":"~","value":""}]'),
    ],
  ])('%s', async (_, query) => {
    const h = await harness()
    for (const path of ['experiments', 'experiment-items']) {
      const answer = await h.call('GET', `${base}/${path}?${query}`)
      expect(answer.status, answer.text).toBe(400)
      expect(answer.body.message).toEqual(expect.any(String))
    }
    expect(h.errors).toEqual([])
  })

  test('text that Postgres cannot hold matches nothing', async () => {
    const h = await serve()
    await runJavascript(h, 0)
    const odd = ['%00', 'a%00b', '%F0%9F%98%80', '\'"\\', 'a'.repeat(3000)]
    for (const value of odd.map((text) =>
      text.startsWith("'") ? encodeURIComponent(text) : text,
    )) {
      for (const query of [`id=${value}`, `name=${value}`, `datasetId=${value}`]) {
        expect((await list(h, query)).data).toEqual([])
      }
      expect((await items(h, `experimentItemId=${value}`)).data).toEqual([])
    }
  })
})

test('401 without a key', async () => {
  const h = await harness()
  for (const path of ['experiments', 'experiment-items']) {
    const answer = await h.call('GET', `${base}/${path}?${from}`, undefined, {
      authorization: 'Basic eDp5',
    })
    expect(answer.status).toBe(401)
  }
})
