import { randomUUID } from 'node:crypto'
import { access } from 'node:fs/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { encode, multipartType } from '../../support/multipart.ts'
import { startHttpProxy } from './http-proxy.ts'
import { type Import, prepareImport } from './import-support.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function send(
  h: Harness,
  method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  url: string,
  body?: unknown,
) {
  const answer = await h.call(method, url, body)
  expect(answer.status, `${method} ${url} ${answer.text}`).toBeLessThan(300)
  return answer.body
}

async function sendParts(h: Harness, url: string, parts: Parameters<typeof encode>[0]) {
  const answer = await h.app.inject({
    method: 'POST',
    url,
    headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
    payload: encode(parts),
  })
  expect(answer.statusCode, answer.body).toBeLessThan(300)
}

const secondsOf = (second: number) => `2026-01-10T08:00:${String(second).padStart(2, '0')}.123456Z`

interface Run {
  id: string
  trace_id: string
  dotted_order: string
  [field: string]: unknown
}

/** A run with its path from the root. */
function runOf(sessionId: string, second: number, parent: Run | null, rest = {}): Run {
  const id = randomUUID()
  const start = secondsOf(second)
  const segment = `${start.replaceAll(/[-:.]/g, '').replace('Z', '')}Z${id}`
  return {
    id,
    session_id: sessionId,
    trace_id: parent?.trace_id ?? id,
    parent_run_id: parent?.id ?? null,
    dotted_order: parent === null ? segment : `${parent.dotted_order}.${segment}`,
    name: `run ${second}`,
    run_type: 'chain',
    start_time: start,
    inputs: { q: second },
    ...rest,
  }
}

/** Something of every kind, as LangSmith's clients write it. */
async function fill(h: Harness) {
  const dataset = await send(h, 'POST', '/datasets', {
    name: 'questions',
    description: 'of people',
    data_type: 'chat',
    created_at: '2026-01-02T03:04:05.678901Z',
    inputs_schema_definition: { type: 'object' },
    extra: { metadata: { owner: 'me' } },
  })
  await send(h, 'POST', '/datasets', { name: 'empty' })
  const exampleIds = [0, 1, 2].map(() => randomUUID())
  const examples = exampleIds.map((id, i) => ({
    id,
    dataset_id: dataset.id,
    inputs: { b: 1, a: i },
    outputs: i === 0 ? null : { answer: i },
    metadata: i === 1 ? null : { topic: `t${i}` },
    split: i === 2 ? ['train', 'hard'] : null,
    created_at: `2026-01-03T00:00:0${i}.5Z`,
  }))
  await send(h, 'POST', '/examples/bulk', examples)
  const attached = randomUUID()
  await sendParts(h, `/platform/datasets/${dataset.id}/examples`, [
    { name: attached, value: '{"metadata":{"n":1}}' },
    { name: `${attached}.inputs`, value: '{"big":12345678901234567890,"f":1.0}' },
    { name: `${attached}.attachment.pic`, value: 'bytes of a picture', type: 'image/png' },
  ])
  const changed = await send(h, 'PATCH', `/examples/${exampleIds[1]}`, {
    outputs: { answer: 'new' },
  })
  expect(changed).toBeDefined()
  await send(h, 'DELETE', `/examples/${exampleIds[2]}`)
  const versions = (await h.call('GET', `/datasets/${dataset.id}/versions`)).body
  await send(h, 'PUT', `/datasets/${dataset.id}/tags`, { tag: 'prod', as_of: versions[1].as_of })

  const session = async (name: string, rest = {}): Promise<string> =>
    (
      await send(h, 'POST', '/sessions', {
        name,
        start_time: '2026-01-10T08:00:00Z',
        extra: { metadata: { model: name }, runtime: { x: 1 } },
        ...rest,
      })
    ).id
  const first = await session('first', {
    reference_dataset_id: dataset.id,
    description: 'the first',
    end_time: '2026-01-10T09:00:00Z',
  })
  const second = await session('second', {
    reference_dataset_id: dataset.id,
    start_time: '2026-01-11T08:00:00Z',
  })
  const plain = await session('plain', { start_time: '2026-01-12T08:00:00Z' })
  await send(h, 'PATCH', `/datasets/${dataset.id}`, { baseline_experiment_id: first })

  const ended = (second: number, rest = {}) => ({
    end_time: secondsOf(second),
    outputs: { o: 1 },
    ...rest,
  })
  const root = runOf(first, 1, null, {
    ...ended(9, {
      tags: ['x', 'y'],
      extra: { metadata: { m: 1, session_id: 'chat-1' }, runtime: { sdk: 'js' } },
    }),
    reference_example_id: exampleIds[0],
  })
  const child = runOf(first, 2, root, ended(8, { error: 'it broke' }))
  const llm = runOf(first, 3, child, {
    run_type: 'llm',
    ...ended(7, {
      outputs: {
        text: 'hi',
        usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7, total_cost: 0.25 },
      },
      events: [{ name: 'new_token', time: secondsOf(4) }],
      serialized: { id: ['a'] },
    }),
  })
  const other = runOf(second, 11, null, { ...ended(12), reference_example_id: exampleIds[1] })
  const pending = runOf(plain, 20, null)
  await send(h, 'POST', '/runs/batch', { post: [root, child, llm, other, pending] })
  const withFile = runOf(plain, 21, null, ended(22))
  await sendParts(h, '/runs/multipart', [
    { name: `post.${withFile.id}`, value: JSON.stringify(withFile) },
    { name: `attachment.${withFile.id}.log.txt`, value: 'bytes of a log', type: 'text/plain' },
  ])
  const comparison = await send(h, 'POST', '/datasets/comparative', {
    id: randomUUID(),
    experiment_ids: [first, second],
    name: 'a pair',
    description: 'of two',
    extra: { e: 1 },
  })
  const give = async (body: object) => send(h, 'POST', '/feedback', { id: randomUUID(), ...body })
  const given = await give({
    run_id: root.id,
    trace_id: root.id,
    key: 'correct',
    score: 1,
    comment: 'well',
  })
  await send(h, 'PATCH', `/feedback/${given.id}`, { score: 0.5, comment: 'not so well' })
  await give({ run_id: llm.id, key: 'label', value: 'good', correction: { better: 'this' } })
  await give({
    run_id: other.id,
    key: 'ok',
    score: true,
    feedback_source: { type: 'model', metadata: { v: 1 } },
  })
  await give({ session_id: first, key: 'whole', score: 3, extra: { why: 'x' } })
  await give({
    run_id: other.id,
    key: 'preferred',
    score: 1,
    comparative_experiment_id: comparison.id,
  })
  await send(h, 'POST', '/feedback-configs', {
    feedback_key: 'correct',
    feedback_config: { type: 'continuous', min: 0, max: 1 },
  })
  await send(h, 'POST', '/feedback-configs', {
    feedback_key: 'label',
    feedback_config: { type: 'categorical', categories: [{ value: 1, label: 'good' }] },
    is_lower_score_better: true,
  })
  await h.drain()
  return { datasetId: dataset.id as string, sessions: [first, second, plain] }
}

/** Every list that LangSmith's dialect has. */
async function expectEqual(
  { h, answers }: Import,
  { datasetId, sessions }: Awaited<ReturnType<typeof fill>>,
) {
  await h.drain()
  const versions = (await h.call('GET', `/datasets/${datasetId}/versions`)).body as {
    as_of: string
  }[]
  const select = [
    'id',
    'metadata',
    'inputs',
    'outputs',
    'attachment_urls',
    'created_at',
    'modified_at',
  ]
  const fields = select.map((field) => `select=${field}`).join('&')
  const gets = [
    '/datasets',
    `/datasets/${datasetId}/versions`,
    `/datasets/${datasetId}/comparative`,
    `/datasets/${datasetId}/splits`,
    `/examples?dataset=${datasetId}&${fields}&select=source_run_id`,
    ...versions.map(({ as_of }) => `/examples?dataset=${datasetId}&as_of=${as_of}&${fields}`),
    '/sessions?include_stats=true',
    '/feedback',
    ...sessions.slice(0, 2).map((id) => `/feedback?session=${id}`),
    '/feedback-configs',
  ]
  expect(versions).toHaveLength(4)
  for (const path of gets) {
    const [source, imported] = await answers('GET', path)
    expect(imported, path).toBe(source)
    expect(source).not.toBe('[]')
  }
  for (const session of sessions) {
    const [source, imported] = await answers('POST', '/runs/query', { session: [session] })
    expect(imported).toBe(source)
  }
  const body = { session_ids: sessions.slice(0, 2) }
  const [source, imported] = await answers('POST', `/datasets/${datasetId}/runs`, body)
  expect(imported).toBe(source)
}

test('all that one server has comes to another by LangSmith’s API with its ids and times, again without a change, and a count that differs ends with 2', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  const filled = await fill(h)
  const dry = await all.importAll('langsmith', ['--dry-run', '--json'])
  const first = await all.importAll('langsmith', ['--json'])
  expect(first.code, first.printed).toBe(0)
  const { source, imported } = JSON.parse(first.printed)
  expect(source).toEqual({
    datasets: 2,
    versions: 4,
    examples: 3,
    'projects and experiments': 3,
    comparisons: 1,
    runs: 6,
    feedback: 5,
    'feedback configs': 2,
  })
  expect(imported).toEqual(source)
  expect(JSON.parse(dry.printed)).toEqual({
    source,
    estimate: expect.stringMatching(
      /^0\.00 hours: 4 requests for runs, of which LangSmith takes 15 in 10 s/,
    ),
  })
  await expectEqual(all, filled)
  const again = await all.importAll('langsmith')
  expect(again.code, again.printed).toBe(0)
  expect(again.printed.split('\n')[0]).toMatch(/^ +source +imported$/)
  await expectEqual(all, filled)
  const more = { id: randomUUID(), session_id: filled.sessions[2], key: 'more', score: 1 }
  expect((await h.callAs(all.to, 'POST', '/feedback', more)).status).toBe(200)
  const differing = await all.importAll('langsmith')
  expect(differing).toEqual({
    code: 2,
    printed: expect.stringMatching(/^The counts of feedback differ/),
  })
  vi.stubEnv('RUNMILL_API_KEY', all.to.secretKey)
  const refused = await all.importAll('langsmith')
  expect(refused).toEqual({ code: 64, printed: expect.stringMatching(/needs the scope admin/) })
})

test('an import that was broken off goes on where it was, and the next one brings what changed since', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  const filled = await fill(h)
  let queries = 0
  const proxy = await startHttpProxy(all.url, ({ path }) =>
    path.endsWith('/runs/query') && (queries += 1) === 2 ? { status: 400 } : null,
  )
  try {
    const broken = await all.importAll('langsmith', [], proxy.url)
    expect(broken).toEqual({
      code: 2,
      printed: expect.stringMatching(/POST \/api\/v1\/runs\/query answered 400/),
    })
    await access(all.state)
    const from = proxy.seen.length
    const rest = await all.importAll('langsmith', ['--json'], proxy.url)
    expect(rest.code, rest.printed).toBe(0)
    expect(JSON.parse(rest.printed).source).toMatchObject({ datasets: 2, versions: 4, runs: 6 })
    const paths = proxy.seen.slice(from).map(({ path }) => path)
    expect(paths.filter((path) => /\/examples|\/versions/.test(path))).toEqual([])
    await expect(access(all.state)).rejects.toThrow('ENOENT')
    await expectEqual(all, filled)
  } finally {
    await proxy.close()
  }
  const { datasetId, sessions } = filled
  const pending = (
    await h.call('POST', '/runs/query', { session: [sessions[2]], error: false })
  ).body.runs.find((run: { end_time: string | null }) => run.end_time === null)
  await send(h, 'PATCH', `/runs/${pending.id}`, {
    trace_id: pending.trace_id,
    dotted_order: pending.dotted_order,
    end_time: secondsOf(30),
    outputs: { late: true },
  })
  const [feedback] = (await h.call('GET', '/feedback?key=whole')).body
  await send(h, 'PATCH', `/feedback/${feedback.id}`, { score: 4 })
  const [example] = (await h.call('GET', `/examples?dataset=${datasetId}`)).body
  await send(h, 'DELETE', `/examples/${example.id}`)
  await h.drain()
  const next = await all.importAll('langsmith')
  expect(next.code, next.printed).toBe(0)
  for (const path of [
    `/examples?dataset=${datasetId}`,
    `/datasets/${datasetId}/versions`,
    '/feedback?key=whole',
  ]) {
    const [source, imported] = await all.answers('GET', path)
    expect(imported).toBe(source)
  }
  const [source, imported] = await all.answers('POST', '/runs/query', { session: [sessions[2]] })
  expect(imported).toBe(source)
  expect(source).toContain('"late":true')
})

test('one dataset comes with its experiments, one project with its runs', async () => {
  const h = await harness()
  const all = await prepareImport(h)
  await fill(h)
  const project = await all.importAll('langsmith', [
    '--project',
    'plain',
    '--since',
    secondsOf(20),
    '--until',
    secondsOf(21),
    '--json',
  ])
  expect(project.code, project.printed).toBe(0)
  expect(JSON.parse(project.printed).imported).toMatchObject({
    datasets: 0,
    'projects and experiments': 1,
    runs: 1,
  })
  const dataset = await all.importAll('langsmith', ['--dataset', 'questions', '--json'])
  expect(dataset.code, dataset.printed).toBe(0)
  expect(JSON.parse(dataset.printed).imported).toMatchObject({
    datasets: 1,
    'projects and experiments': 2,
    runs: 4,
  })
  expect(await all.importAll('langsmith', ['--dataset', 'none'])).toEqual({
    code: 2,
    printed: 'The source has no dataset none',
  })
})
