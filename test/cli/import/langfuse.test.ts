import { createHash } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { ingestBatch } from '../../support/langfuse-batch.ts'
import { startHttpProxy } from './http-proxy.ts'
import { type Import, prepareImport } from './import-support.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function send(h: Harness, method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) {
  const answer = await h.call(method, `/api/public${path}`, body)
  expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300)
  return answer.body
}

/** Uploads a file as Langfuse's SDKs do. @returns the text that refers to it */
async function upload(h: Harness, content: string, owner: object): Promise<string> {
  const { mediaId, uploadUrl } = await send(h, 'POST', '/media', {
    ...owner,
    field: 'input',
    contentType: 'text/plain',
    contentLength: content.length,
    sha256Hash: createHash('sha256').update(content).digest('base64'),
  })
  const { pathname, search } = new URL(uploadUrl)
  const answer = await h.app.inject({
    method: 'PUT',
    url: pathname + search,
    headers: { 'content-type': 'text/plain' },
    payload: content,
  })
  expect(answer.statusCode).toBe(200)
  await send(h, 'PATCH', `/media/${mediaId}`, {
    uploadedAt: '2026-01-05T00:00:00.000Z',
    uploadHttpStatus: 200,
  })
  return `@@@langfuseMedia:type=text/plain|id=${mediaId}|source=bytes@@@`
}

/** Something of every kind, as Langfuse's clients write it. */
async function fill(h: Harness) {
  const config = await send(h, 'POST', '/score-configs', {
    name: 'tone',
    dataType: 'CATEGORICAL',
    categories: [
      { label: 'kind', value: 2 },
      { label: 'rude', value: 0 },
    ],
  })
  const bounded = await send(h, 'POST', '/score-configs', {
    name: 'grade',
    dataType: 'NUMERIC',
    minValue: 0,
    maxValue: 10,
    description: 'of a teacher',
  })
  const dataset = await send(h, 'POST', '/v2/datasets', {
    name: 'evals/qa set',
    description: 'of people',
    metadata: { owner: 'me' },
    inputSchema: { type: 'object' },
  })
  await send(h, 'POST', '/v2/datasets', { name: 'empty' })
  const file = await upload(h, 'bytes of an item', {
    datasetId: dataset.id,
    datasetItemId: 'item-1',
  })
  const item = async (id: string, rest: object) =>
    send(h, 'POST', '/dataset-items', { datasetName: 'evals/qa set', id, ...rest })
  await item('item-1', { input: { q: 'Q1', file }, expectedOutput: 'A1', metadata: { n: 1 } })
  await item('item-2', {
    input: { q: 'Q2', big: 1.5 },
    sourceTraceId: 'trace-a',
    sourceObservationId: 'obs-1',
  })
  await item('item-3', { input: { q: 'Q3' } })
  await item('item-4', { input: { q: 'Q4' }, expectedOutput: ['A4'] })
  const { updatedAt: version } = await item('item-1', { expectedOutput: { better: 'A1' } })
  await item('item-2', { status: 'ARCHIVED' })
  await send(h, 'DELETE', '/dataset-items/item-3')
  await item('item-5', { input: { q: 'Q5' } })

  const traceFile = await upload(h, 'bytes of a trace', { traceId: 'trace-a' })
  await ingestBatch(
    h,
    [
      'trace-create',
      {
        id: 'trace-a',
        timestamp: '2026-01-10T08:00:00.123Z',
        name: 'first',
        userId: 'u1',
        sessionId: 'chat-1',
        release: 'r1',
        version: 'v1',
        public: true,
        tags: ['b', 'a'],
        metadata: { m: { deep: 1 } },
        input: { text: traceFile },
        output: '"quoted"',
        environment: 'staging',
      },
    ],
    [
      'trace-create',
      { id: 'trace-b', timestamp: '2026-01-10T09:00:00Z', input: [1, 2], output: 0 },
    ],
    [
      'span-create',
      {
        id: 'obs-1',
        traceId: 'trace-a',
        name: 'span',
        startTime: '2026-01-10T08:00:00.200Z',
        endTime: '2026-01-10T08:00:02Z',
        input: { a: 1 },
        level: 'WARNING',
        statusMessage: 'slow',
      },
    ],
    [
      'generation-create',
      {
        id: 'obs-2',
        traceId: 'trace-a',
        parentObservationId: 'obs-1',
        name: 'call',
        startTime: '2026-01-10T08:00:00.300Z',
        completionStartTime: '2026-01-10T08:00:00.400Z',
        endTime: '2026-01-10T08:00:01Z',
        model: 'house-model',
        modelParameters: { temperature: 0.1 },
        input: [{ role: 'user', content: 'hi' }],
        output: 'hello',
        usageDetails: { input: 3, output: 5, cached: 1 },
        costDetails: { input: 0.01, output: 0.02 },
        promptName: 'p',
        promptVersion: 2,
        metadata: { k: 'v' },
        version: 'v2',
        environment: 'staging',
      },
    ],
    [
      'event-create',
      {
        id: 'obs-3',
        traceId: 'trace-a',
        parentObservationId: 'obs-2',
        name: 'event',
        startTime: '2026-01-10T08:00:00.500Z',
      },
    ],
    [
      'agent-create',
      {
        id: 'obs-4',
        traceId: 'trace-b',
        startTime: '2026-01-10T09:00:00.001Z',
        input: { x: null },
      },
    ],
  )
  for (const [runName, rest] of [
    ['run A', { runDescription: 'the first', metadata: { model: 'm1' } }],
    ['run B', { datasetVersion: version }],
  ] as const) {
    await send(h, 'POST', '/dataset-run-items', {
      runName,
      datasetItemId: 'item-1',
      traceId: 'trace-a',
      observationId: 'obs-1',
      ...rest,
    })
    await send(h, 'POST', '/dataset-run-items', {
      runName,
      datasetItemId: 'item-4',
      traceId: 'trace-b',
    })
  }
  const runs = (await h.call('GET', '/api/public/datasets/evals%2Fqa%20set/runs')).body.data
  const score = async (body: object) => send(h, 'POST', '/scores', body)
  await score({
    id: 'score-1',
    traceId: 'trace-a',
    name: 'exact',
    value: 1,
    comment: 'c',
    metadata: { z: 1 },
    timestamp: '2026-01-11T00:00:00.001Z',
  })
  await score({
    traceId: 'trace-a',
    observationId: 'obs-2',
    name: 'tone',
    value: 'kind',
    configId: config.id,
    dataType: 'CATEGORICAL',
  })
  await score({ sessionId: 'chat-1', name: 'solved', value: 1, dataType: 'BOOLEAN' })
  await score({ datasetRunId: runs[0].id, name: 'mean', value: 0.5, comment: 'run' })
  await score({
    traceId: 'trace-b',
    name: 'output',
    value: 'it should say this',
    dataType: 'CORRECTION',
  })
  await score({
    traceId: 'trace-b',
    name: 'remark',
    value: 'a text',
    dataType: 'TEXT',
    environment: 'prod',
  })
  await score({ traceId: 'trace-b', name: 'grade', value: 9, configId: bounded.id })
  // Since then the config allows less, and is archived.
  await send(h, 'PATCH', `/score-configs/${bounded.id}`, { maxValue: 5, isArchived: true })
  await h.drain()
}

/** Every list that Langfuse's dialect has. */
async function expectEqual({ h, answers }: Import) {
  await h.drain()
  const named = 'datasetName=evals%2Fqa%20set'
  const [{ id }] = (await h.call('GET', '/api/public/v2/datasets?limit=1&page=2')).body.data
  const { updatedAt } = (await h.call('GET', '/api/public/dataset-items/item-1')).body
  // The versions are milliseconds apart.
  const instants = Array.from({ length: 9 }, (_, i) =>
    new Date(Date.parse(updatedAt) - 60 + 10 * i).toISOString(),
  )
  const from = 'fromStartTime=2026-01-01T00:00:00Z'
  const paths = [
    '/score-configs',
    '/datasets',
    '/v2/datasets',
    `/dataset-items?${named}`,
    `/dataset-items?${named}&version=${updatedAt}`,
    '/dataset-items/item-2',
    '/datasets/evals%2Fqa%20set/runs',
    '/datasets/evals%2Fqa%20set/runs/run%20A',
    `/dataset-run-items?datasetId=${id}&runName=run%20B`,
    '/traces',
    '/traces/trace-a',
    '/sessions',
    '/observations',
    '/v2/observations?fields=basic,time,io,metadata,model,usage,prompt,metrics,trace_context',
    '/scores',
    '/v2/scores',
    '/v3/scores?fields=details,subject,annotation',
    `/experiments?${from}&fields=core,metadata,scores`,
    `/experiment-items?${from}&fields=core,dataset,io,metadata,itemMetadata,experimentMetadata,scores`,
  ]
  for (const path of paths) {
    const [source, imported] = await answers('GET', `/api/public${path}`)
    expect(imported, path).toBe(source)
    expect(source).not.toMatch(/"data":\[\]/)
  }
  for (const instant of instants) {
    const [source, imported] = await answers(
      'GET',
      `/api/public/dataset-items?${named}&version=${instant}`,
    )
    expect(imported, instant).toBe(source)
  }
}

test('all that one server has comes to another by Langfuse’s API with its ids and times, and again without a change', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  await fill(h)
  const dry = await all.importAll('langfuse', ['--dry-run', '--json'])
  const first = await all.importAll('langfuse', ['--json'])
  expect(first.code, first.printed).toBe(0)
  const { source, imported } = JSON.parse(first.printed)
  expect(imported).toEqual({
    datasets: 2,
    items: 3,
    runs: 2,
    'run items': 4,
    traces: 2,
    observations: 4,
    scores: 7,
    'score configs': 2,
  })
  expect(source).toEqual({ ...imported, media: 2 })
  expect(JSON.parse(dry.printed).source).toEqual(imported)
  await expectEqual(all)
  const again = await all.importAll('langfuse')
  expect(again.code, again.printed).toBe(0)
  await expectEqual(all)
})

/**
 * What such a server does not tell is left out: the ids of links, by which executions of one time are ordered, and an
 * environment that only a trace has.
 */
const elementsOf = (answer: unknown) =>
  (JSON.parse(String(answer)).data as object[])
    .map((one) =>
      JSON.stringify(one).replaceAll('"environment":"staging"', '"environment":"default"'),
    )
    .toSorted()

test('a server that has only the lists of version 4 is read by those', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  await fill(h)
  const gone =
    /^\/api\/public\/(?:traces|observations|sessions|scores|v2\/scores|dataset-run-items|datasets)\b/
  const proxy = await startHttpProxy(all.url, ({ path }) =>
    gone.test(path) ? { status: 404 } : null,
  )
  try {
    const first = await all.importAll('langfuse', ['--json'], proxy.url)
    expect(first.code, first.printed).toBe(0)
    const { imported } = JSON.parse(first.printed)
    expect(imported).toMatchObject({
      items: 3,
      runs: 2,
      'run items': 4,
      observations: 4,
      scores: 7,
    })
    const from = 'fromStartTime=2026-01-01T00:00:00Z'
    for (const path of [
      '/v2/observations?fields=basic,time,io,metadata,model,usage,prompt,metrics,trace_context',
      '/v3/scores?fields=details,subject,annotation',
      `/experiments?${from}&fields=core,metadata,scores`,
      `/experiment-items?${from}&fields=core,dataset,metadata,itemMetadata,experimentMetadata,scores`,
    ]) {
      await h.drain()
      const [source, there] = await all.answers('GET', `/api/public${path}`)
      expect(elementsOf(there), path).toEqual(elementsOf(source))
    }
    const again = await all.importAll('langfuse', ['--json'], proxy.url)
    expect(again.code, again.printed).toBe(0)
    expect(JSON.parse(again.printed).imported).toEqual(imported)
  } finally {
    await proxy.close()
  }
})

test('one dataset comes with the traces that its runs link, and a refusal is waited for as long as it says, by the requests that are counted with it', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  await fill(h)
  await ingestBatch(h, ['trace-create', { id: 'unlinked', name: 'of nobody' }])
  let lists = 0
  const proxy = await startHttpProxy(all.url, ({ path }) =>
    path.startsWith('/api/public/dataset-run-items') && (lists += 1) === 2
      ? { status: 429, headers: { 'retry-after': '1' } }
      : null,
  )
  try {
    const args = ['--dataset', 'evals/qa set', '--json']
    const { code, printed } = await all.importAll('langfuse', args, proxy.url)
    expect(code, printed).toBe(0)
    expect(JSON.parse(printed).imported).toMatchObject({
      datasets: 1,
      traces: 2,
      observations: 4,
      scores: 6,
    })
    const refused = proxy.seen.findIndex(({ status }) => status === 429)
    const next = proxy.seen.slice(refused + 1).find(({ path }) => path.includes('/dataset'))
    expect(next!.path).toBe(proxy.seen[refused]!.path)
    expect(next!.at - proxy.seen[refused]!.at).toBeGreaterThanOrEqual(1000)
  } finally {
    await proxy.close()
  }
  expect((await h.callAs(all.to, 'GET', '/api/public/traces/unlinked')).status).toBe(404)
  const refused = await all.importAll('langfuse', ['--project', 'x'])
  expect(refused).toEqual({ code: 64, printed: expect.stringMatching(/belongs to one project/) })
})
