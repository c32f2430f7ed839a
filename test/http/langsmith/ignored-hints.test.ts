import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, rootRun } from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'

type Call = [method: 'GET' | 'PUT' | 'POST', url: string, body?: object]

/** One of each thing that routes with hints read or write. */
async function world(h: Harness) {
  const dataset = (await h.call('POST', '/datasets', { name: 'dataset' })).body.id as string
  const example = { dataset_id: dataset, inputs: {} }
  const exampleId = (await h.call('POST', '/examples', example)).body.id as string
  const session = await comparisonRows(h.db, h.tenant.id).experiment(dataset)
  const run = rootRun(session, exampleId)
  await h.ingest(run)
  const feedback = await h.call('POST', '/feedback', { key: 'k', score: 1, run_id: run.id })
  await h.drain()
  await h.call('POST', '/feedback-configs', {
    feedback_key: 'k',
    feedback_config: { type: 'continuous' },
  })
  const tokens = {
    dataset: (await h.call('PUT', `/datasets/${dataset}/share`)).body.share_token as string,
    run: (await h.call('PUT', `/runs/${run.id}/share`)).body.share_token as string,
  }
  return { dataset, session, run: run.id, feedback: feedback.body.id as string, tokens }
}

type World = Awaited<ReturnType<typeof world>>

const hints: [string, (w: World) => Call, string[]][] = [
  [
    'GET /runs/{id}',
    (w) => ['GET', `/runs/${w.run}`],
    [
      `session_id=${randomUUID()}&start_time=2026-01-02T00:00:00.000001Z`,
      'exclude_s3_stored_attributes=True&include_messages=true',
    ],
  ],
  [
    'GET /public/{token}/run',
    (w) => ['GET', `/public/${w.tokens.run}/run`],
    ['exclude_s3_stored_attributes=true'],
  ],
  ['GET /feedback', () => ['GET', '/feedback'], ['include_user_names=true']],
  ['GET /feedback/{id}', (w) => ['GET', `/feedback/${w.feedback}`], ['include_user_names=true']],
  ['GET /feedback-configs', () => ['GET', '/feedback-configs'], ['read_after_write=true']],
  ['GET /datasets', () => ['GET', '/datasets'], ['exclude_corrections_datasets=true']],
  [
    'PUT /datasets/{id}/share',
    (w) => ['PUT', `/datasets/${w.dataset}/share`],
    ['share_projects=true'],
  ],
  [
    'GET /public/{token}/datasets',
    (w) => ['GET', `/public/${w.tokens.dataset}/datasets`],
    ['offset=5&limit=1&sort_by=name&sort_by_desc=false'],
  ],
]

describe('200 with a hint', () => {
  test.each(hints)('%s has the same answer as without the hint', async (_name, callOf, queries) => {
    const h = await harness()
    const [method, url] = callOf(await world(h))
    const plain = await h.call(method, url)
    expect(plain.status).toBe(200)
    for (const query of queries) {
      const hinted = await h.call(method, `${url}?${query}`)
      expect([hinted.status, hinted.text]).toEqual([200, plain.text])
    }
  })

  test('runs are queried and counted as without the hints', async () => {
    const h = await harness()
    const { session } = await world(h)
    const body = { session: [session] }
    const given = { ...body, data_source_type: 'lite', use_experimental_search: true }
    const runs = await h.call('POST', '/runs/query', body)
    expect(runs.body.runs).toHaveLength(1)
    const hinted = await h.call('POST', '/runs/query', { ...given, skip_prev_cursor: true })
    expect(hinted.text).toBe(runs.text)
    const stats = await h.call('POST', '/runs/stats', body)
    expect(stats.body.run_count).toBe(1)
    const counted = await h.call('POST', '/runs/stats', { ...given, skip_pagination: true })
    expect(counted.text).toBe(stats.text)
  })

  test('messages of an example stay as they were sent', async () => {
    const h = await harness()
    const { dataset } = await world(h)
    const inputs = { messages: [{ role: 'user', content: 'x' }] }
    const body = { dataset_id: dataset, inputs, use_legacy_message_format: true }
    expect((await h.call('POST', '/examples', body)).body).toMatchObject({ inputs })
    expect((await h.call('POST', '/examples/bulk', [body])).body).toMatchObject([{ inputs }])
  })

  test('the status of a run is computed, and files in another bucket are not looked up', async () => {
    const h = await harness()
    const id = randomUUID()
    const given = { status: 'error', input_attachments: { a: 'x' }, output_attachments: {} }
    const run = { id, name: 'r', run_type: 'chain', start_time: 1, end_time: 2, ...given }
    expect((await h.call('POST', '/runs', run)).status).toBe(202)
    await h.drain()
    expect((await h.call('GET', `/runs/${id}`)).body).toMatchObject({
      status: 'success',
      s3_urls: null,
    })
  })

  test('nothing has resource tags, so a tag finds nothing', async () => {
    const h = await harness()
    await world(h)
    for (const list of ['/datasets', '/sessions']) {
      expect((await h.call('GET', list)).body).toHaveLength(1)
      const tagged = await h.call('GET', `${list}?tag_value_id=${randomUUID()}`)
      expect(tagged).toMatchObject({ status: 200, body: [] })
    }
  })

  test('the documentation says what is ignored, and why', async () => {
    const h = await harness()
    const document = (await h.call('GET', '/docs/json')).body
    const { parameters } = document.paths['/runs/{run_id}'].get
    expect(
      parameters.find((parameter: { name: string }) => parameter.name === 'session_id').description,
    ).toBe('Accepted and ignored: a run is found by its id.')
  })
})

describe('422', () => {
  test('a hint of the wrong type is refused', async () => {
    const h = await harness()
    const w = await world(h)
    const queries = [
      `/runs/${w.run}?session_id=nope`,
      `/runs/${w.run}?start_time=yesterday`,
      `/runs/${w.run}?include_messages=2`,
      '/feedback?include_user_names=maybe',
      '/datasets?tag_value_id=nope',
      '/sessions?tag_value_id=nope',
      `/public/${w.tokens.dataset}/datasets?limit=0`,
      `/public/${w.tokens.dataset}/datasets?offset=-1`,
      `/public/${w.tokens.dataset}/datasets?sort_by=nothing`,
    ]
    for (const url of queries) {
      expect([(await h.call('GET', url)).status, url]).toEqual([422, url])
    }
    const bodies: Call[] = [
      ['POST', '/runs/query', { session: [w.session], skip_prev_cursor: 'x' }],
      ['POST', '/runs/stats', { session: [w.session], data_source_type: 1 }],
      ['POST', '/runs/stats', { session: [w.session], use_experimental_search: 'x' }],
      ['POST', '/runs/stats', { session: [w.session], skip_pagination: 1 }],
      ['POST', '/examples', { dataset_id: w.dataset, use_legacy_message_format: 'x' }],
    ]
    for (const [method, url, body] of bodies) {
      expect([(await h.call(method, url, body)).status, body]).toEqual([422, body])
    }
    expect(h.errors).toEqual([])
  })
})
