import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toEpochMs } from '../../../../src/domain/timestamp.ts'
import { comparisonRows, feedbackOn, second } from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

const everything = [
  'ID',
  'NAME',
  'RUN_TYPE',
  'STATUS',
  'START_TIME',
  'END_TIME',
  'LATENCY_SECONDS',
  'FIRST_TOKEN_TIME',
  'ERROR',
  'ERROR_PREVIEW',
  'EXTRA',
  'METADATA',
  'EVENTS',
  'INPUTS',
  'INPUTS_PREVIEW',
  'OUTPUTS',
  'OUTPUTS_PREVIEW',
  'MANIFEST',
  'PARENT_RUN_IDS',
  'PROJECT_ID',
  'TRACE_ID',
  'THREAD_ID',
  'DOTTED_ORDER',
  'IS_ROOT',
  'REFERENCE_EXAMPLE_ID',
  'REFERENCE_DATASET_ID',
  'TOTAL_TOKENS',
  'PROMPT_TOKENS',
  'COMPLETION_TOKENS',
  'TOTAL_COST',
  'PROMPT_COST',
  'COMPLETION_COST',
  'PROMPT_TOKEN_DETAILS',
  'COMPLETION_TOKEN_DETAILS',
  'PROMPT_COST_DETAILS',
  'COMPLETION_COST_DETAILS',
  'PRICE_MODEL_ID',
  'TAGS',
  'APP_PATH',
  'ATTACHMENTS',
  'THREAD_EVALUATION_TIME',
  'IS_IN_DATASET',
  'LAST_QUEUED_AT',
  'SHARE_URL',
  'FEEDBACK_STATS',
  'LS_USER_ID',
]

async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const examples = [
    await rows.example(dataset, { createdAt: second(1) }),
    await rows.example(dataset, { createdAt: second(2) }),
    await rows.example(dataset, { createdAt: second(3) }),
  ] as const
  const [one, two] = [await rows.experiment(dataset), await rows.experiment(dataset)]
  const traces = examples.map((referenceExampleId, i) =>
    traceOf(one, 10 + i * 20, { referenceExampleId, metadata: { k: '1.0' } }, [
      {
        totalTokens: 7,
        totalCost: '0.000001',
        error: i === 0 ? '"boom"' : null,
        usageDetails:
          '{"prompt_token_details":{"cache_read":5},"prompt_cost_details":{"cache_read":"0.1"}}',
      },
    ]),
  )
  const other = traceOf(two, 5, { referenceExampleId: examples[0] })
  await h.ingest(...traces.flatMap((trace) => trace.events), ...other.events)
  return { dataset, examples, one, two, traces, other }
}

/** v2 looks back one day by default. The data of this test are older. */
const min_start_time = second(0)

function problemOf(status: number, url: string) {
  return {
    status,
    body: {
      type: 'about:blank',
      title: expect.any(String),
      status,
      detail: expect.any(String),
      instance: url,
    },
    headers: { 'content-type': expect.stringContaining('application/problem+json') },
  }
}

function idsOf({ body }: Answer): string[] {
  return body.items.map((item: { id: string }) => item.id)
}

describe('200 POST /v2/runs/query', () => {
  test('without selects only ids are returned, newest first, page by page', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { project_ids: [w.one], min_start_time, page_size: 4 }
    const first = await h.call('POST', '/api/v2/runs/query', body)
    const ids = w.traces.toReversed().flatMap((trace) => trace.ids.toReversed())
    expect(first.body).toEqual({
      items: ids.slice(0, 4).map((id) => ({ id })),
      next_cursor: expect.any(String),
      has_more: true,
    })
    const rest = await h.call('POST', '/api/v2/runs/query', {
      ...body,
      cursor: first.body.next_cursor,
    })
    expect(rest.body).toEqual({
      items: ids.slice(4).map((id) => ({ id })),
      next_cursor: null,
      has_more: false,
    })
    const oldest = await h.call('POST', '/v2/runs/query', {
      ...body,
      page_size: 1000,
      sort_order: 'ASC',
    })
    expect(idsOf(oldest)).toEqual(ids.toReversed())
  })

  test('every name of selects gives the field of that name, and a run looks the same wherever it is read', async () => {
    const h = await harness()
    const w = await world(h)
    const [root, child] = w.traces[0]!.ids as [string, string]
    await h.ingest(feedbackOn({ id: child }, 'correct', 1))
    const { share_token: token } = (await h.call('PUT', `/runs/${child}/share`)).body
    const body = { project_ids: [w.one], ids: [child], min_start_time, selects: everything }
    const { body: answer } = await h.call('POST', '/v2/runs/query', body)
    expect(answer.items).toEqual([
      {
        id: child,
        name: 'child 0',
        run_type: 'LLM',
        status: 'ERROR',
        start_time: second(11),
        end_time: second(12),
        latency_seconds: 1,
        error: 'boom',
        error_preview: 'boom',
        metadata: {},
        inputs: {},
        inputs_preview: '{}',
        outputs: {},
        outputs_preview: '{}',
        parent_run_ids: [root],
        project_id: w.one,
        trace_id: root,
        dotted_order: expect.stringContaining(child),
        is_root: false,
        total_tokens: 7,
        prompt_tokens: 0,
        completion_tokens: 0,
        total_cost: 0.000001,
        prompt_token_details: { raw: { cache_read: 5 } },
        prompt_cost_details: { raw: { cache_read: 0.1 } },
        app_path: `/o/${h.tenant.id}/projects/p/${w.one}/r/${child}`,
        is_in_dataset: false,
        share_url: expect.stringMatching(new RegExp(`^http.*/public/${token}/run$`)),
        feedback_stats: { correct: { n: 1, avg: 1, values: {} } },
      },
    ])
    const selects = everything.map((name) => `selects=${name}`).join('&')
    const alone = await h.call('GET', `/v2/runs/${child}?project_id=${w.one}&${selects}`)
    expect(alone.body).toEqual(answer.items[0])
    const inTrace = await h.call('GET', `/v2/traces/${root}/runs?project_id=${w.one}&${selects}`)
    expect(inTrace.body.items[1]).toEqual(answer.items[0])
  })

  test.each<[string, object, (w: Awaited<ReturnType<typeof world>>) => (string | undefined)[]]>([
    ['is_root', { is_root: true }, (w) => w.traces.map((trace) => trace.ids[0]).toReversed()],
    ['run_type', { run_type: 'LLM' }, (w) => w.traces.map((trace) => trace.ids[1]).toReversed()],
    ['has_error', { has_error: true }, (w) => [w.traces[0]!.ids[1]]],
    ['filter', { filter: 'eq(error, true)' }, (w) => [w.traces[0]!.ids[1]]],
    [
      'tree_filter',
      { tree_filter: 'eq(error, true)', is_root: true },
      (w) => [w.traces[0]!.ids[0]],
    ],
    ['max_start_time', { max_start_time: second(10) }, (w) => [w.traces[0]!.ids[0]]],
    ['no ids', { ids: [] }, () => []],
  ])('%s', async (_name, conditions, expected) => {
    const h = await harness()
    const w = await world(h)
    const body = { project_ids: [w.one], min_start_time, ...conditions }
    expect(idsOf(await h.call('POST', '/v2/runs/query', body))).toEqual(expected(w))
  })

  test('in projects the search goes back one day, in experiments of a dataset without limit', async () => {
    const h = await harness()
    const w = await world(h)
    h.clock.advance(toEpochMs(second(30)) + 24 * 3600_000 - toEpochMs(h.clock.now()))
    expect(idsOf(await h.call('POST', '/v2/runs/query', { project_ids: [w.one] }))).toEqual([
      w.traces[2]!.ids[1],
      w.traces[2]!.ids[0],
      w.traces[1]!.ids[1],
    ])
    const body = { reference_dataset_id: w.dataset, is_root: true }
    expect(idsOf(await h.call('POST', '/v2/runs/query', body))).toEqual([
      ...w.traces.map((trace) => trace.ids[0]).toReversed(),
      w.other.ids[0],
    ])
  })
})

describe('200 one run, one trace', () => {
  test('without selects only ids are returned', async () => {
    const h = await harness()
    const w = await world(h)
    const [root, child] = w.traces[0]!.ids
    expect((await h.call('GET', `/api/v2/runs/${root}?project_id=${w.one}`)).body).toEqual({
      id: root,
    })
    const trace = `/api/v2/traces/${root}/runs?project_id=${w.one}`
    expect((await h.call('GET', trace)).body).toEqual({ items: [{ id: root }, { id: child }] })
    const errors = `${trace}&filter=${encodeURIComponent('eq(error, true)')}`
    expect((await h.call('GET', errors)).body).toEqual({ items: [{ id: child }] })
    expect((await h.call('GET', `${trace}&max_start_time=${second(10)}`)).body.items).toHaveLength(
      1,
    )
    const unknown = `/v2/traces/${randomUUID()}/runs?project_id=${w.one}`
    expect(await h.call('GET', unknown)).toMatchObject({ status: 200, body: { items: [] } })
  })

  test('a trace with more runs than a page is returned completely', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const session = await rows.experiment(null)
    const trace = traceOf(
      session,
      0,
      {},
      Array.from({ length: 1000 }, () => ({})),
    )
    await h.ingest(...trace.events)
    const { body } = await h.call('GET', `/v2/traces/${trace.traceId}/runs?project_id=${session}`)
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual(trace.ids)
  })
})

describe('200 POST /v2/datasets/{id}/experiment-runs', () => {
  test('pages of one example lead through all examples, newest first', async () => {
    const h = await harness()
    const w = await world(h)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const answer: Answer = await h.call('POST', `/api/v2/datasets/${w.dataset}/experiment-runs`, {
        experiment_ids: [w.one],
        page_size: 1,
        cursor,
      })
      expect(answer.body.items).toHaveLength(1)
      seen.push(answer.body.items[0].id)
      cursor = answer.body.next_cursor
    } while (cursor !== null)
    expect(seen).toEqual(w.examples.toReversed())
  })

  test('the runs have the form of v2, for each experiment that is named', async () => {
    const h = await harness()
    const w = await world(h)
    const url = `/v2/datasets/${w.dataset}/experiment-runs`
    const experiment_ids = [w.one, w.two, randomUUID()]
    const example_ids = [w.examples[0]]
    const plain = await h.call('POST', url, { experiment_ids, example_ids })
    expect(plain.body).toMatchObject({
      items: [
        {
          id: w.examples[0],
          dataset_id: w.dataset,
          inputs: {},
          runs: [{ id: w.other.traceId }, { id: w.traces[0]!.traceId }],
        },
      ],
      next_cursor: null,
    })
    expect(Object.keys(plain.body.items[0].runs[0])).toEqual(['id'])
    const selects = everything.filter((name) => name !== 'FEEDBACK_STATS')
    const full = await h.call('POST', url, { experiment_ids, example_ids, selects })
    for (const run of full.body.items[0].runs) {
      const query = `project_id=${run.project_id}&${selects.map((name) => `selects=${name}`).join('&')}`
      expect((await h.call('GET', `/v2/runs/${run.id}?${query}`)).body).toEqual(run)
    }
  })

  test('sorting by feedback holds across pages, in both directions', async () => {
    const h = await harness()
    const w = await world(h)
    await h.ingest(
      feedbackOn({ id: w.traces[0]!.traceId }, 'correct', 0.1),
      feedbackOn({ id: w.traces[1]!.traceId }, 'correct', 0.30000000000000004),
    )
    const read = async (order: 'ASC' | 'DESC') => {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const answer: Answer = await h.call('POST', `/v2/datasets/${w.dataset}/experiment-runs`, {
          experiment_ids: [w.one],
          page_size: 1,
          sort: { by: 'feedback.correct', order },
          cursor,
        })
        seen.push(...idsOf(answer))
        cursor = answer.body.next_cursor
      } while (cursor !== null)
      return seen
    }
    const [a, b, c] = w.examples
    expect(await read('ASC')).toEqual([a, b, c])
    expect(await read('DESC')).toEqual([b, a, c])
  })

  test('sorting by null is the order without sorting', async () => {
    const h = await harness()
    const w = await world(h)
    const url = `/v2/datasets/${w.dataset}/experiment-runs`
    const plain = await h.call('POST', url, { experiment_ids: [w.one] })
    const sorted = await h.call('POST', url, { experiment_ids: [w.one], sort: { order: 'ASC' } })
    expect(idsOf(sorted)).toHaveLength(w.examples.length)
    expect(idsOf(sorted)).toEqual(idsOf(plain))
  })

  test('filters work as in v1', async () => {
    const h = await harness()
    const w = await world(h)
    const answer = await h.call('POST', `/v2/datasets/${w.dataset}/experiment-runs`, {
      experiment_ids: [w.one],
      filters: { [w.one]: [`eq(reference_example_id, "${w.examples[1]}")`] },
    })
    expect(idsOf(answer)).toEqual([w.examples[1]])
  })
})

describe('problem details', () => {
  test.each<[string, object, number]>([
    ['no project', {}, 400],
    [
      'projects and a dataset',
      { project_ids: [randomUUID()], reference_dataset_id: randomUUID() },
      400,
    ],
    ['a broken filter', { project_ids: [randomUUID()], filter: 'eq(' }, 400],
    ['a forged cursor', { project_ids: [randomUUID()], cursor: 'AAAA' }, 400],
    ['an unknown project', { project_ids: [randomUUID()] }, 404],
    ['an unknown dataset', { reference_dataset_id: randomUUID() }, 404],
    ['a project that is no id', { project_ids: ['x'] }, 422],
    ['too large a page', { project_ids: [randomUUID()], page_size: 1001 }, 422],
    ['an unknown select', { project_ids: [randomUUID()], selects: ['id'] }, 422],
    ['a type in lower case', { project_ids: [randomUUID()], run_type: 'llm' }, 422],
    ['a body that is no object', [], 422],
  ])('/v2/runs/query: %s', async (_name, body, status) => {
    const h = await harness()
    const answer = await h.call('POST', '/api/v2/runs/query', body)
    expect(answer).toMatchObject(problemOf(status, '/v2/runs/query'))
    expect(h.errors).toEqual([])
  })

  test.each<[string, object, number]>([
    ['no experiment', {}, 422],
    ['an empty list', { experiment_ids: [] }, 422],
    ['too large a page', { experiment_ids: [randomUUID()], page_size: 101 }, 422],
    ['sorting of two', { experiment_ids: [randomUUID(), randomUUID()], sort: { by: 'x' } }, 422],
    [
      'a broken filter',
      { experiment_ids: [randomUUID()], filters: { [randomUUID()]: ['('] } },
      400,
    ],
    ['a forged cursor', { experiment_ids: [randomUUID()], cursor: 'x' }, 400],
  ])('experiment-runs: %s', async (_name, body, status) => {
    const h = await harness()
    const w = await world(h)
    const url = `/v2/datasets/${w.dataset}/experiment-runs`
    expect(await h.call('POST', url, body)).toMatchObject(problemOf(status, url))
    expect(h.errors).toEqual([])
  })

  test('404 for what is unknown, 422 for malformed input, 401 without a key', async () => {
    const h = await harness()
    const w = await world(h)
    const run = w.traces[0]!.traceId
    for (const [url, status] of [
      [`/v2/runs/${run}?project_id=${w.two}`, 404],
      [`/v2/runs/${randomUUID()}?project_id=${w.one}`, 404],
      [`/v2/runs/${run}`, 422],
      [`/v2/runs/x?project_id=${w.one}`, 422],
      [`/v2/runs/${run}?project_id=${w.one}&selects=NONSENSE`, 422],
      [`/v2/traces/${run}/runs?project_id=${randomUUID()}`, 404],
      [`/v2/traces/${run}/runs?project_id=${w.one}&filter=x`, 400],
      [`/v2/traces/${run}/runs`, 422],
      ['/v2/nothing', 404],
    ] as const) {
      expect(await h.call('GET', url)).toMatchObject(problemOf(status, url.split('?')[0]!))
    }
    const answer = await h.app.inject({ method: 'GET', url: `/v2/runs/${run}?project_id=${w.one}` })
    expect(answer.json()).toMatchObject({ status: 401, title: 'Unauthorized' })
    expect(h.errors).toEqual([])
  })

  test('another tenant finds nothing', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    const run = w.traces[0]!.traceId
    for (const [method, url, body] of [
      ['POST', '/v2/runs/query', { project_ids: [w.one], min_start_time }],
      ['POST', '/v2/runs/query', { reference_dataset_id: w.dataset }],
      ['GET', `/v2/runs/${run}?project_id=${w.one}`, undefined],
      ['GET', `/v2/traces/${run}/runs?project_id=${w.one}`, undefined],
      ['POST', `/v2/datasets/${w.dataset}/experiment-runs`, { experiment_ids: [w.one] }],
    ] as const) {
      expect((await h.callAs(other, method, url, body)).status).toBe(404)
    }
  })
})
