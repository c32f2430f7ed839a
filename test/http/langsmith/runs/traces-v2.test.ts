import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toEpochMs } from '../../../../src/domain/timestamp.ts'
import { comparisonRows, feedbackOn, second } from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

const url = '/api/v2/traces/query'
const min_start_time = second(0)

/** Three traces, ten seconds apart. Each has a chain and a model call, which fails in the first one. */
async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const project = await rows.experiment(null)
  const traces = [0, 1, 2].map((n) =>
    traceOf(project, n * 10, { name: `root ${n}`, tags: [`t${n}`] }, [
      {
        totalTokens: 7,
        totalCost: '0.000001',
        firstTokenTime: second(n * 10 + 1),
        error: n === 0 ? '"boom"' : null,
      },
    ]),
  )
  await h.ingest(...traces.flatMap((trace) => trace.events))
  return { project, traces, ids: traces.map(({ traceId }) => traceId) as [string, string, string] }
}

const idsOf = ({ body }: Answer): string[] =>
  body.items.map((item: { root_run: { id: string } }) => item.root_run.id)

describe('200', () => {
  test('without selects only ids are returned, newest first, page by page', async () => {
    const h = await harness()
    const { project, ids } = await world(h)
    const body = { project_id: project, min_start_time, page_size: 2 }
    const first = await h.call('POST', url, body)
    expect(first.body).toEqual({
      items: [{ root_run: { id: ids[2] } }, { root_run: { id: ids[1] } }],
      next_cursor: expect.any(String),
    })
    const rest = await h.call('POST', url, { ...body, cursor: first.body.next_cursor })
    expect(rest.body).toEqual({ items: [{ root_run: { id: ids[0] } }], next_cursor: null })
  })

  test('tokens, costs and the first token are those of the whole trace, and stand beside the root run', async () => {
    const h = await harness()
    const { project, ids } = await world(h)
    const selects = ['NAME', 'TOTAL_TOKENS', 'TOTAL_COST', 'FIRST_TOKEN_TIME', 'END_TIME']
    const body = { project_id: project, trace_ids: [ids[1]], min_start_time, selects }
    expect((await h.call('POST', url, body)).body.items).toEqual([
      {
        root_run: { name: 'root 1', end_time: second(20) },
        trace_aggregates: { total_tokens: 7, total_cost: 0.000001, first_token_time: second(11) },
      },
    ])
    const plain = { ...body, selects: ['TOTAL_TOKENS'] }
    expect((await h.call('POST', url, plain)).body.items).toEqual([
      { root_run: { id: ids[1] }, trace_aggregates: { total_tokens: 7 } },
    ])
  })

  test.each<[string, object, number[]]>([
    ['trace_filter is about the root run', { trace_filter: 'has(tags, "t1")' }, [1]],
    ['trace_filter is not about other runs', { trace_filter: 'eq(run_type, "llm")' }, []],
    ['tree_filter is about any run', { tree_filter: 'eq(error, true)' }, [0]],
    ['no trace_ids', { trace_ids: [] }, []],
    ['max_start_time is exclusive', { max_start_time: second(10) }, [0]],
    ['min_start_time is inclusive', { min_start_time: second(10) }, [2, 1]],
  ])('%s', async (_name, conditions, expected) => {
    const h = await harness()
    const { project, ids } = await world(h)
    const body = { project_id: project, min_start_time, ...conditions }
    expect(idsOf(await h.call('POST', url, body))).toEqual(expected.map((n) => ids[n]))
  })

  test('conditions on feedback can be about what changed in a time', async () => {
    const h = await harness()
    const { project, ids } = await world(h)
    await h.ingest(
      feedbackOn({ id: ids[0] }, 'correct', 1, { updatedAt: second(100) }),
      feedbackOn({ id: ids[1] }, 'correct', 1, { updatedAt: second(200) }),
      feedbackOn({ id: ids[2] }, 'other', 1, { updatedAt: second(200) }),
    )
    const trace_filter = 'eq(feedback_key, "correct")'
    const read = async (bounds: object) =>
      idsOf(
        await h.call('POST', url, { project_id: project, min_start_time, trace_filter, ...bounds }),
      )
    expect(await read({})).toEqual([ids[1], ids[0]])
    expect(await read({ min_feedback_modified_at: second(200) })).toEqual([ids[1]])
    expect(await read({ max_feedback_modified_at: second(200) })).toEqual([ids[0]])
    const runs = await h.call('POST', '/v2/runs/query', {
      project_ids: [project],
      min_start_time,
      filter: trace_filter,
      min_feedback_modified_at: second(101),
    })
    expect(runs.body.items).toEqual([{ id: ids[1] }])
  })

  test('the search goes back one day', async () => {
    const h = await harness()
    const { project, ids } = await world(h)
    h.clock.advance(toEpochMs(second(9)) + 24 * 3600_000 - toEpochMs(h.clock.now()))
    expect(idsOf(await h.call('POST', url, { project_id: project }))).toEqual([ids[2], ids[1]])
  })

  test('as a stream of events a page is one JSON Patch', async () => {
    const h = await harness()
    const { project } = await world(h)
    const body = { project_id: project, min_start_time, selects: ['NAME', 'TOTAL_COST'] }
    const plain = await h.call('POST', url, body)
    const answer = await h.app.inject({
      method: 'POST',
      url,
      payload: body,
      headers: { 'x-api-key': h.tenant.secretKey, accept: 'text/event-stream' },
    })
    expect(answer.headers['content-type']).toContain('text/event-stream')
    const [patch, end] = answer.body.trimEnd().split('\n\n')
    expect(JSON.parse(patch!.replace('event: data\ndata: ', ''))).toEqual([
      { op: 'add', path: '', value: plain.body },
    ])
    expect(end).toBe('event: end\ndata: {}')
  })
})

describe('refusals', () => {
  test.each<[string, object, number]>([
    ['no project', { project_id: undefined }, 422],
    ['an unknown project', { project_id: randomUUID() }, 404],
    ['too large a page', { page_size: 101 }, 422],
    ['a broken filter', { tree_filter: 'eq(' }, 400],
    ['a forged cursor', { cursor: 'AAAA' }, 400],
    ['a time of feedback without a filter on it', { min_feedback_modified_at: second(1) }, 400],
    ['a search by a language model', { ai_search: 'angry people' }, 422],
    ['a filter by a language model', { sem_filter: 'angry people' }, 422],
  ])('%s', async (_name, conditions, status) => {
    const h = await harness()
    const { project } = await world(h)
    const answer = await h.call('POST', url, { project_id: project, ...conditions })
    expect(answer).toMatchObject({
      status,
      body: { type: 'about:blank', status, instance: '/v2/traces/query' },
    })
    expect(h.errors).toEqual([])
  })
})
