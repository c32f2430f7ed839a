import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  rootRun,
  runEvent,
  second,
  traceEvent,
} from '../../../support/comparison-rows.ts'

let h: Harness
let make: ReturnType<typeof comparisonRows>
let dataset: string

beforeEach(async () => {
  h = await harness()
  make = comparisonRows(h.db, h.tenant.id)
  dataset = await make.dataset()
})

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
type Json = any

async function read(body: object, query = ''): Promise<Json[]> {
  const answer = await h.call('POST', `/api/v1/datasets/${dataset}/runs${query}`, body)
  expect(answer.status, answer.text).toBe(200)
  expect(h.errors).toEqual([])
  return answer.body
}

const ids = (rows: Json[]): string[] => rows.map((row) => row.id)
const runIds = (rows: Json[]): string[][] => rows.map((row) => ids(row.runs))

/** Makes examples one second apart, the oldest first. The default order is the reverse of theirs. */
async function examples(count: number): Promise<string[]> {
  const made: string[] = []
  for (let i = 0; i < count; i++) made.push(await make.example(dataset, { createdAt: second(i) }))
  return made
}

describe('200: the answer', () => {
  test('every field of the example and its run, exactly as it was stored', async () => {
    const source = randomUUID()
    const example = await make.example(dataset, {
      inputs: '{"z":1.0, "a":"\\u0000", "big":1180591620717411303424}',
      outputs: '{"reference":true}',
      metadata: '{"topic":"maths"}',
      splits: ['test', 'hard'],
      createdAt: second(0),
      validFrom: second(9),
      sourceRunId: source,
    })
    const session = await make.experiment(dataset)
    const root = rootRun(session, example, {
      name: 'my target',
      inputs: '{"q":1.50}',
      inputsPreview: '1.50',
      outputs: '{"answer":"4"}',
      outputsPreview: '4',
      tags: ['a', 'b'],
      events: '[{"name":"start"}]',
      serialized: '{"lc":1}',
      extra: { invocation: '{"x":1}' },
      metadata: { revision: '"r1"' },
      runtime: { sdk: '"py"' },
      dottedOrder: '20260102T000001000000Z',
      updatedAt: second(3),
    })
    root.patch.dottedOrder += root.id
    const child = runEvent(randomUUID(), {
      traceId: root.id,
      parentRunId: root.id,
      experimentId: session,
      referenceExampleId: example,
      name: 'model',
      runType: 'llm',
      startTime: second(2),
      endTime: second(3),
      promptTokens: 5,
      completionTokens: 7,
      totalTokens: 12,
      promptCost: '0.000001',
      completionCost: '0.000002',
      totalCost: '0.000003',
    })
    const score = feedbackOn(root, 'correctness', 1, {
      score: 'true',
      value: '"YES"',
      valueText: 'YES',
      experimentId: session,
      sourceType: 'model',
      source: '{"metadata":{"__run":{"run_id":"x"}},"user_name":"Ada"}',
      comment: 'well done',
      correction: '{"answer":"5"}',
      extra: '{"e":1}',
      threadId: 'thread-1',
      runStartTime: second(1),
    })
    await h.ingest(root, child, score)
    const [row, ...others] = await read({ session_ids: [session], include_annotator_detail: true })
    expect(others).toEqual([])
    expect(row).toEqual({
      id: example,
      dataset_id: dataset,
      name: `#${example.slice(0, 4)}`,
      inputs: { z: 1, a: '\0', big: 2 ** 70 },
      outputs: { reference: true },
      metadata: { topic: 'maths', dataset_split: ['test', 'hard'] },
      source_run_id: source,
      created_at: second(0),
      modified_at: second(9),
      attachment_urls: null,
      runs: [
        {
          id: root.id,
          name: 'my target',
          run_type: 'chain',
          status: 'success',
          start_time: second(1),
          end_time: second(3),
          inputs: { q: 1.5 },
          inputs_preview: '1.50',
          outputs: { answer: '4' },
          outputs_preview: '4',
          error: null,
          extra: { invocation: { x: 1 }, runtime: { sdk: 'py' }, metadata: { revision: 'r1' } },
          serialized: { lc: 1 },
          events: [{ name: 'start' }],
          tags: ['a', 'b'],
          trace_id: root.id,
          dotted_order: root.patch.dottedOrder,
          parent_run_id: null,
          execution_order: 1,
          session_id: session,
          reference_example_id: example,
          total_tokens: 12,
          prompt_tokens: 5,
          completion_tokens: 7,
          total_cost: '0.000003',
          prompt_cost: '0.000001',
          completion_cost: '0.000002',
          feedback_stats: { correctness: { n: 1, avg: 1, values: { YES: 1 } } },
          feedbacks: [
            {
              id: score.id,
              key: 'correctness',
              created_at: second(4),
              modified_at: second(4),
              score: true,
              value: 'YES',
              comment: 'well done',
              correction: { answer: '5' },
              run_id: root.id,
              trace_id: root.id,
              session_id: session,
              start_time: second(1),
              is_root: true,
              feedback_source: {
                type: 'model',
                metadata: { __run: { run_id: 'x' } },
                user_id: null,
                ls_user_id: null,
                user_name: 'Ada',
              },
              extra: { e: 1 },
              feedback_group_id: null,
              comparative_experiment_id: null,
              feedback_thread_id: 'thread-1',
            },
          ],
          app_path: `/o/${h.tenant.id}/projects/p/${session}/r/${root.id}`,
          manifest_id: null,
          manifest_s3_id: null,
          inputs_s3_urls: null,
          outputs_s3_urls: null,
          s3_urls: null,
          trace_min_start_time: second(1),
          trace_max_start_time: second(2),
        },
      ],
    })
  })

  test('bodies are written digit for digit, in the order of their keys', async () => {
    const example = await make.example(dataset, { inputs: '{"b":1.0,"a":1e400}' })
    const session = await make.experiment(dataset)
    await h.ingest(rootRun(session, example, { outputs: '{"z":0.10,"y":12345678901234567890}' }))
    const answer = await h.call('POST', `/datasets/${dataset}/runs`, { session_ids: [session] })
    expect(answer.text).toContain('"inputs":{"b":1.0,"a":1e400}')
    expect(answer.text).toContain('"outputs":{"z":0.10,"y":12345678901234567890}')
  })

  test('a failed run has its whole error, and a run that has not ended is pending', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const failed = rootRun(session, example, { error: '"boom\\n  at x"', outputs: null })
    const running = rootRun(session, example, {
      endTime: null,
      startTime: second(2),
      outputs: null,
    })
    await h.ingest(failed, running)
    const [row] = await read({ session_ids: [session] })
    expect(row.runs).toMatchObject([
      { id: failed.id, status: 'error', error: 'boom\n  at x', outputs: null },
      { id: running.id, status: 'pending', error: null, end_time: null, outputs: null },
    ])
  })

  test('what the Python SDK sends is answered, under every prefix', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const run = rootRun(session, example)
    await h.ingest(run, feedbackOn(run, 'correct', 1))
    const asked = {
      session_ids: [session],
      offset: 0,
      preview: false,
      comparative_experiment_id: null,
    }
    for (const prefix of ['', '/api', '/api/v1']) {
      const all = await h.call('POST', `${prefix}/datasets/${dataset}/runs`, {
        ...asked,
        limit: 100,
        filters: null,
      })
      expect(runIds(all.body)).toEqual([[run.id]])
      const filters = { [session]: ['and(eq(feedback_key,"correct"), gt(feedback_score, 0.5))'] }
      const some = await h.call('POST', `${prefix}/datasets/${dataset}/runs`, {
        ...asked,
        limit: 1,
        preview: true,
        filters,
      })
      expect(runIds(some.body)).toEqual([[run.id]])
    }
  })

  test('all optional fields may be null, and unknown ones are ignored', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    await h.ingest(rootRun(session, example))
    const rows = await read({
      session_ids: [session.toUpperCase()],
      limit: null,
      comparative_experiment_id: null,
      sort_params: null,
      filters: null,
      example_ids: null,
      extend_trace_retention: true,
    })
    expect(ids(rows)).toEqual([example])
  })
})

describe('200: which examples and runs', () => {
  test('only examples with a run in the sessions, newest first, and the union over several sessions', async () => {
    const [first, second_, third, unused] = await examples(4)
    const [a, b] = [await make.experiment(dataset), await make.experiment(dataset)]
    const elsewhere = await make.experiment(dataset)
    const runs = [
      rootRun(a, first!),
      rootRun(a, second_!),
      rootRun(b, second_!),
      rootRun(b, third!),
    ]
    await h.ingest(...runs, rootRun(elsewhere, unused!))
    expect(ids(await read({ session_ids: [a] }))).toEqual([second_, first])
    const both = await read({ session_ids: [a, b, a] })
    expect(ids(both)).toEqual([third, second_, first])
    expect(both[1].runs.map((run: Json) => run.session_id).toSorted()).toEqual([a, b].toSorted())
  })

  test('repetitions are all shown, by start time, then dotted order', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const runs = [3, 1, 2].map((n) => rootRun(session, example, { startTime: second(n) }))
    const ties = ['B', 'A'].map((dottedOrder) =>
      rootRun(session, example, { startTime: second(9), dottedOrder }),
    )
    await h.ingest(...runs, ...ties)
    const order = [runs[1]!, runs[2]!, runs[0]!, ties[1]!, ties[0]!].map((run) => run.id)
    expect(runIds(await read({ session_ids: [session] }))).toEqual([order])
  })

  test('child runs that carry the example are not shown', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const root = rootRun(session, example)
    const child = rootRun(session, example, { traceId: root.id, parentRunId: root.id })
    await h.ingest(child, root)
    expect(runIds(await read({ session_ids: [session] }))).toEqual([[root.id]])
  })

  test('an unknown session, another dataset and a session of another dataset contribute nothing', async () => {
    const other = await make.dataset()
    const [here, there] = [await make.example(dataset), await make.example(other)]
    const mine = await make.experiment(dataset)
    const foreign = await make.experiment(other)
    await h.ingest(rootRun(mine, here), rootRun(mine, there), rootRun(foreign, here))
    expect(ids(await read({ session_ids: [randomUUID(), mine, foreign] }))).toEqual([here])
    expect(await read({ session_ids: [foreign] })).toEqual([])
    expect(await read({ session_ids: [randomUUID()] })).toEqual([])
  })

  test('a plain tracing project contributes its runs on examples of the dataset', async () => {
    const example = await make.example(dataset)
    const project = await make.experiment(null)
    const run = rootRun(project, example)
    await h.ingest(run, rootRun(project, randomUUID()))
    expect(runIds(await read({ session_ids: [project] }))).toEqual([[run.id]])
  })

  test('an example shows its newest content; a deleted or archived example is still shown', async () => {
    const session = await make.experiment(dataset)
    const edited = await make.example(dataset, { inputs: '{"v":1}', validTo: second(50) })
    await make.example(dataset, {
      id: edited,
      inputs: '{"v":2}',
      createdAt: second(0),
      validFrom: second(50),
    })
    const deleted = await make.example(dataset, {
      inputs: '{"v":3}',
      validTo: second(60),
      createdAt: second(1),
    })
    const archived = await make.example(dataset, {
      inputs: '{"v":4}',
      archived: true,
      createdAt: second(2),
    })
    await h.ingest(...[edited, deleted, archived].map((example) => rootRun(session, example)))
    const rows = await read({ session_ids: [session] })
    expect(rows.map((row) => row.inputs.v)).toEqual([4, 3, 2])
  })

  test('a deleted session disappears at once', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    await h.ingest(rootRun(session, example))
    await h.db`delete from experiments where id = ${session}`
    expect(await read({ session_ids: [session] })).toEqual([])
  })

  test('example_ids restricts the result, and pages are taken from what remains', async () => {
    const made = await examples(4)
    const session = await make.experiment(dataset)
    await h.ingest(...made.slice(0, 3).map((example) => rootRun(session, example)))
    const wanted = [made[0]!, made[2]!, made[3]!, randomUUID()]
    const asked = { session_ids: [session], example_ids: wanted }
    expect(ids(await read(asked))).toEqual([made[2], made[0]])
    expect(ids(await read({ ...asked, offset: 1 }))).toEqual([made[0]])
    expect(await read({ ...asked, example_ids: [] })).toEqual([])
  })
})

describe('200: pages', () => {
  test('a null limit is ten, and pages of any length cover every example once', async () => {
    const session = await make.experiment(dataset)
    const made: string[] = []
    // All are of the same instant, so ids break the ties.
    for (let i = 0; i < 23; i++) made.push(await make.example(dataset))
    await h.ingest(...made.map((example) => rootRun(session, example)))
    expect(await read({ session_ids: [session] })).toHaveLength(10)
    expect(await read({ session_ids: [session], limit: 1000 })).toHaveLength(23)
    const seen: string[] = []
    for (let offset = 0; offset < 30; offset += 7) {
      seen.push(...ids(await read({ session_ids: [session], offset, limit: 7 })))
    }
    expect(seen).toEqual(made.toSorted())
  })

  test('one answer may consist of several internal pages', async () => {
    const session = await make.experiment(dataset)
    const made: string[] = []
    for (let i = 0; i < 205; i++) made.push(await make.example(dataset))
    await h.ingest(...made.map((example) => rootRun(session, example)))
    expect(ids(await read({ session_ids: [session], limit: 205 }))).toEqual(made.toSorted())
  })
})

describe('200: preview', () => {
  test('inputs and outputs of runs are null, the previews and the example stay', async () => {
    const example = await make.example(dataset, { inputs: '{"q":1}', outputs: '{"a":2}' })
    const session = await make.experiment(dataset)
    const bodies = {
      inputs: '{"q":"in"}',
      inputsPreview: 'in',
      outputs: '{"a":"out"}',
      outputsPreview: 'out',
    }
    await h.ingest(rootRun(session, example, bodies))
    const [light] = await read({ session_ids: [session], preview: true })
    expect(light).toMatchObject({ inputs: { q: 1 }, outputs: { a: 2 } })
    expect(light.runs[0]).toMatchObject({
      inputs: null,
      outputs: null,
      inputs_preview: 'in',
      outputs_preview: 'out',
    })
    const [full] = await read({ session_ids: [session] })
    expect(full.runs[0]).toMatchObject({
      inputs: { q: 'in' },
      inputs_preview: 'in',
      outputs_preview: 'out',
    })
  })
})

describe('200: feedback', () => {
  test('plain statistics leave out comparative feedback; that of one comparison is included on request', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const run = rootRun(session, example)
    const [mine, other] = [randomUUID(), randomUUID()]
    const pairwise = feedbackOn(run, 'pref', 1, {
      comparativeExperimentId: mine,
      feedbackGroupId: other,
    })
    const plain = feedbackOn(run, 'correct', 0)
    await h.ingest(
      run,
      plain,
      pairwise,
      feedbackOn(run, 'pref', 0, { comparativeExperimentId: other }),
    )
    const correct = { n: 1, avg: 0, values: {} }

    const [without] = await read({ session_ids: [session] })
    expect(without.runs[0]).toMatchObject({ feedback_stats: { correct }, feedbacks: [] })
    expect(without.runs[0].feedback_stats).not.toHaveProperty('pref')

    const asked = { session_ids: [session], comparative_experiment_id: mine }
    const [scoped] = await read(asked)
    expect(scoped.runs[0].feedback_stats).toEqual({ correct, pref: { n: 1, avg: 1, values: {} } })
    expect(scoped.runs[0].feedbacks).toMatchObject([
      { id: pairwise.id, comparative_experiment_id: mine, feedback_group_id: other },
    ])

    const [both] = await read({ ...asked, include_annotator_detail: true })
    expect(ids(both.runs[0].feedbacks).toSorted()).toEqual([plain.id, pairwise.id].toSorted())
    const [detail] = await read({ session_ids: [session], include_annotator_detail: true })
    expect(ids(detail.runs[0].feedbacks)).toEqual([plain.id])
  })

  test('averages are exact, booleans count as scores, labels are counted, session feedback is left out', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const run = rootRun(session, example)
    await h.ingest(
      feedbackOn(run, 'exact', 0.1),
      feedbackOn(run, 'exact', 0.2),
      feedbackOn(run, 'flag', 1, { score: 'true' }),
      feedbackOn(run, 'flag', 0, { score: 'false' }),
      feedbackOn(run, 'label', null, { value: '"A"', valueText: 'A' }),
      feedbackOn(run, 'label', null, { value: '"A"', valueText: 'A' }),
      feedbackOn(run, 'label', null, { value: '"B"', valueText: 'B' }),
      feedbackOn(null, 'summary', 3, { experimentId: session }),
      run,
    )
    const [row] = await read({ session_ids: [session] })
    expect(row.runs[0].feedback_stats).toEqual({
      exact: { n: 2, avg: 0.15, values: {} },
      flag: { n: 2, avg: 0.5, values: {} },
      label: { n: 3, avg: null, values: { A: 2, B: 1 } },
    })
  })

  test('feedback on the trace belongs to the run that is shown for it, feedback on a child run does not', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const run = rootRun(session, example)
    const child = runEvent(randomUUID(), {
      traceId: run.id,
      parentRunId: run.id,
      startTime: second(2),
    })
    const onTrace = feedbackOn(null, 'trace', 1, { traceId: run.id })
    await h.ingest(run, child, onTrace, feedbackOn(child, 'child', 1, { traceId: run.id }))
    const [row] = await read({ session_ids: [session], include_annotator_detail: true })
    expect(Object.keys(row.runs[0].feedback_stats)).toEqual(['trace'])
    expect(row.runs[0].feedbacks).toMatchObject([
      { id: onTrace.id, run_id: null, trace_id: run.id },
    ])
  })
})

describe('200: filters', () => {
  test('the expressions of a session must all match, each independently', async () => {
    const [a, b, c] = await examples(3)
    const session = await make.experiment(dataset)
    const [good, bad, split] = [rootRun(session, a!), rootRun(session, b!), rootRun(session, c!)]
    await h.ingest(good, bad, split)
    await h.ingest(feedbackOn(good, 'correct', 1), feedbackOn(bad, 'correct', 0))
    await h.ingest(feedbackOn(split, 'correct', 0), feedbackOn(split, 'other', 1))
    const filtered = async (...expressions: string[]) =>
      ids(await read({ session_ids: [session], filters: { [session]: expressions } }))
    expect(await filtered('and(eq(feedback_key,"correct"), gt(feedback_score, 0.5))')).toEqual([a])
    expect(await filtered('eq(feedback_key,"correct")', 'gt(feedback_score, 0.5)')).toEqual([c, a])
    expect(await filtered('eq(status,"success")', `eq(id,"${bad.id}")`)).toEqual([b])
    expect(await filtered('eq(status,"error")')).toEqual([])
    expect(await filtered()).toEqual([c, b, a])
  })

  test('a filtered session shows only matching runs, and an example needs one; other sessions show all runs', async () => {
    const [first, other] = await examples(2)
    const [a, b] = [await make.experiment(dataset), await make.experiment(dataset)]
    const match = rootRun(a, first!, { name: 'yes', startTime: second(1) })
    const miss = rootRun(a, first!, { name: 'no', startTime: second(2) })
    const beside = rootRun(b, first!, { name: 'no', startTime: second(3) })
    await h.ingest(match, miss, beside, rootRun(a, other!, { name: 'no' }), rootRun(b, other!))
    const yes = 'eq(name,"yes")'
    const asked = { session_ids: [a, b] }
    expect(runIds(await read({ ...asked, filters: { [a]: [yes] } }))).toEqual([
      [match.id, beside.id],
    ])
    expect(await read({ ...asked, filters: { [a]: [yes], [b]: [yes] } })).toEqual([])
    const both = { [a]: [yes], [b]: ['eq(name,"no")'] }
    expect(runIds(await read({ ...asked, filters: both }))).toEqual([[match.id, beside.id]])
  })

  test('filters apply before paging, and filters of other sessions are ignored', async () => {
    const made = await examples(6)
    const session = await make.experiment(dataset)
    const runs = made.map((example, i) =>
      rootRun(session, example, { name: i % 2 ? 'odd' : 'even' }),
    )
    await h.ingest(...runs)
    const filters = {
      [session.toUpperCase()]: ['eq(name,"even")'],
      [randomUUID()]: ['eq(name,"never")'],
    }
    const asked = { session_ids: [session], filters, limit: 2 }
    expect(ids(await read(asked))).toEqual([made[4], made[2]])
    expect(ids(await read({ ...asked, offset: 2 }))).toEqual([made[0]])
  })

  test('a filter sees what is shown: the tokens of the trace, the session of the item, a run that is not there yet', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const root = rootRun(session, example)
    const llm = runEvent(randomUUID(), {
      traceId: root.id,
      parentRunId: root.id,
      runType: 'llm',
      startTime: second(2),
      totalTokens: 9,
    })
    await h.ingest(root, llm)
    const pending = await make.experiment(dataset)
    await h.ingest(linkEvent(dataset, pending, example, randomUUID()))
    const shown = async (id: string, filter: string) =>
      (await read({ session_ids: [id], filters: { [id]: [filter] } })).length
    expect(await shown(session, `and(eq(total_tokens, 9), eq(session_id, "${session}"))`)).toBe(1)
    expect(await shown(session, 'gt(total_tokens, 9)')).toBe(0)
    expect(
      await shown(pending, `and(eq(status, "pending"), eq(reference_example_id, "${example}"))`),
    ).toBe(1)
    expect(await shown(pending, 'eq(status, "success")')).toBe(0)
  })
})

describe('200: sorting', () => {
  test('by the mean score of a key, examples without the key come last in both directions', async () => {
    const [low, high, none, middle, label] = await examples(5)
    const session = await make.experiment(dataset)
    const run = new Map([low, high, none, middle, label].map((id) => [id, rootRun(session, id!)]))
    const again = rootRun(session, middle!)
    await h.ingest(...run.values(), again)
    await h.ingest(
      feedbackOn(run.get(low)!, 'k', -1),
      feedbackOn(run.get(high)!, 'k', 1),
      feedbackOn(run.get(middle)!, 'k', 0),
      feedbackOn(again, 'k', 0.5),
      feedbackOn(run.get(label)!, 'k', null, { value: '"A"', valueText: 'A' }),
      feedbackOn(run.get(none)!, 'other', 9),
      feedbackOn(run.get(low)!, 'k', 9, { comparativeExperimentId: randomUUID() }),
    )
    const sorted = async (sort: object, more: object = {}) =>
      ids(await read({ session_ids: [session], sort_params: sort, ...more }))
    expect(await sorted({ sort_by: 'k', sort_order: 'ASC' })).toEqual([
      low,
      middle,
      high,
      label,
      none,
    ])
    expect(await sorted({ sort_by: 'k', sort_order: 'DESC' })).toEqual([
      high,
      middle,
      low,
      label,
      none,
    ])
    expect(await sorted({ sort_by: 'feedback.k' })).toEqual([high, middle, low, label, none])
    expect(await sorted({ sort_by: 'k' }, { offset: 1, limit: 2 })).toEqual([middle, low])
    expect(await sorted({ sort_by: 'unknown' })).toEqual([label, middle, none, high, low])
  })

  test('only runs that pass the filter count, and so does the requested comparison', async () => {
    const [a, b] = await examples(2)
    const session = await make.experiment(dataset)
    const comparison = randomUUID()
    const kept = rootRun(session, a!, { name: 'kept' })
    const hidden = rootRun(session, a!, { name: 'hidden' })
    const other = rootRun(session, b!, { name: 'kept' })
    await h.ingest(kept, hidden, other, feedbackOn(kept, 'k', 1), feedbackOn(hidden, 'k', 100))
    await h.ingest(feedbackOn(other, 'k', 2))
    const asked = { session_ids: [session], sort_params: { sort_by: 'k' } }
    expect(ids(await read(asked))).toEqual([a, b])
    const filters = { [session]: ['eq(name,"kept")'] }
    expect(ids(await read({ ...asked, filters }))).toEqual([b, a])
    await h.ingest(feedbackOn(kept, 'k', 50, { comparativeExperimentId: comparison }))
    expect(ids(await read({ ...asked, filters }))).toEqual([b, a])
    expect(ids(await read({ ...asked, filters, comparative_experiment_id: comparison }))).toEqual([
      a,
      b,
    ])
  })
})

describe('200: experiments made through Langfuse', () => {
  test('a link without trace or run is a pending run; trace and run replace it as they arrive', async () => {
    const example = await make.example(dataset, { inputs: '"plain text"', outputs: '[1]' })
    const session = await make.experiment(dataset)
    const trace = randomUUID()
    await h.ingest(linkEvent(dataset, session, example, trace))
    const asked = { session_ids: [session] }
    const [waiting] = await read(asked)
    expect(waiting).toMatchObject({ inputs: { input: 'plain text' }, outputs: { output: [1] } })
    expect(waiting.runs).toMatchObject([
      {
        id: trace,
        trace_id: trace,
        session_id: session,
        reference_example_id: example,
        name: '',
        run_type: 'chain',
        status: 'pending',
        start_time: second(5),
        end_time: null,
        inputs: {},
        outputs: null,
        feedback_stats: {},
      },
    ])

    await h.ingest(
      traceEvent(trace, {
        name: 'a trace',
        timestamp: second(2),
        inputs: '"in"',
        inputsPreview: 'in',
        outputs: '{"a":1}',
        tags: ['t'],
        metadata: { m: '1' },
      }),
      feedbackOn(null, 'accuracy', 0.5, { traceId: trace }),
    )
    const [backed] = await read(asked)
    expect(backed.runs).toMatchObject([
      {
        id: trace,
        name: 'a trace',
        status: 'success',
        start_time: second(2),
        inputs: { input: 'in' },
        inputs_preview: 'in',
        outputs: { a: 1 },
        tags: ['t'],
        extra: { metadata: { m: 1 } },
        feedback_stats: { accuracy: { n: 1, avg: 0.5, values: {} } },
      },
    ])

    const root = runEvent(randomUUID(), {
      traceId: trace,
      name: 'root span',
      runType: 'agent',
      startTime: second(3),
      endTime: second(4),
      outputs: '"done"',
      createdAt: second(3),
    })
    const generation = runEvent(randomUUID(), {
      traceId: trace,
      parentRunId: root.id,
      runType: 'llm',
      startTime: second(3),
      totalTokens: 4,
      totalCost: '0.01',
    })
    await h.ingest(generation, root)
    const [complete] = await read(asked)
    expect(complete.runs).toMatchObject([
      {
        id: root.id,
        // LangSmith's clients know a trace by its root run.
        trace_id: root.id,
        session_id: session,
        reference_example_id: example,
        name: 'root span',
        run_type: 'chain',
        status: 'success',
        inputs: { input: 'in' },
        outputs: { output: 'done' },
        total_tokens: 4,
        total_cost: '0.01',
        feedback_stats: { accuracy: { n: 1, avg: 0.5, values: {} } },
      },
    ])
  })

  test('a linked observation is the run, and pending until it arrives; an error level is an error', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const [trace, observation] = [randomUUID(), randomUUID()]
    const root = runEvent(randomUUID(), { traceId: trace, name: 'root', startTime: second(1) })
    await h.ingest(linkEvent(dataset, session, example, trace, observation), root)
    const [waiting] = await read({ session_ids: [session] })
    expect(waiting.runs).toMatchObject([{ id: observation, trace_id: trace, status: 'pending' }])
    const linked = runEvent(observation, {
      traceId: trace,
      parentRunId: root.id,
      name: 'inner',
      runType: 'llm',
      startTime: second(2),
      endTime: second(3),
      level: 'ERROR',
      statusMessage: 'no answer',
      totalTokens: 3,
    })
    await h.ingest(linked, feedbackOn(linked, 'k', 1, { traceId: trace }))
    const [arrived] = await read({ session_ids: [session] })
    expect(arrived.runs).toMatchObject([
      {
        id: observation,
        parent_run_id: root.id,
        name: 'inner',
        status: 'error',
        error: 'no answer',
        total_tokens: 3,
        feedback_stats: { k: { n: 1 } },
      },
    ])
  })

  test('a trace and its root span, both linked, are one run', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    const root = rootRun(session, example)
    await h.ingest(root, linkEvent(dataset, session, example, root.id, root.id))
    expect(runIds(await read({ session_ids: [session] }))).toEqual([[root.id]])
  })
})

describe('200: CSV', () => {
  async function csv(body: object): Promise<{ records: string[][]; text: string }> {
    const answer = await h.call('POST', `/datasets/${dataset}/runs?format=csv`, body)
    expect(answer.status, answer.text).toBe(200)
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    return { records: parseCsv(answer.text), text: answer.text }
  }

  test('one session: the example, its run, a column per feedback key; quotes, line ends and Unicode survive', async () => {
    const example = await make.example(dataset, {
      inputs: '{"q":"say \\"hi\\",\\n 你好 😀"}',
      outputs: '{"a":1.0}',
      metadata: '{"t":"=1+1"}',
    })
    const session = await make.experiment(dataset)
    const run = rootRun(session, example, {
      outputs: '{"z":1, "text":"a,b"}',
      error: '"line 1\\r\\nline \\"2\\", é"',
      startTime: second(1),
      endTime: second(3),
    })
    const llm = runEvent(randomUUID(), {
      traceId: run.id,
      parentRunId: run.id,
      runType: 'llm',
      totalTokens: 3,
      totalCost: '0.5',
    })
    await h.ingest(
      run,
      llm,
      feedbackOn(run, 'score, "x"', 0.25),
      feedbackOn(run, 'grade', null, { value: '"B"', valueText: 'B' }),
    )
    const { records, text } = await csv({ session_ids: [session] })
    expect(records).toEqual([
      [
        'example_id',
        'example_name',
        'inputs',
        'reference_outputs',
        'metadata',
        'outputs',
        'status',
        'error',
        'latency',
        'total_tokens',
        'total_cost',
        'run_id',
        'grade',
        'score, "x"',
      ],
      [
        example,
        `#${example.slice(0, 4)}`,
        '{"q":"say \\"hi\\",\\n 你好 😀"}',
        '{"a":1.0}',
        '{"t":"=1+1","dataset_split":["base"]}',
        '{"z":1, "text":"a,b"}',
        'error',
        'line 1\r\nline "2", é',
        '2',
        '3',
        '0.5',
        run.id,
        'B',
        '0.25',
      ],
    ])
    expect(text.endsWith('\r\n')).toBe(true)
  })

  test('several sessions: columns by session name in the order asked; repetitions are on lines of their own', async () => {
    const [first, last] = await examples(2)
    const [a, b] = [await make.experiment(dataset, 'Alpha'), await make.experiment(dataset, 'Beta')]
    const runs = [
      rootRun(a, last!, { startTime: second(1) }),
      rootRun(a, last!, { startTime: second(2) }),
      rootRun(b, last!),
      rootRun(b, first!),
    ]
    await h.ingest(...runs, feedbackOn(runs[0]!, 'k', 1), feedbackOn(runs[3]!, 'k', 2))
    const { records } = await csv({ session_ids: [b, a] })
    const [header, ...lines] = records
    const columnOf = (name: string) => lines.map((line) => line[header!.indexOf(name)])
    expect(header!.slice(5)).toEqual([
      ...['Beta', 'Alpha'].flatMap((name) =>
        ['outputs', 'status', 'error', 'latency', 'total_tokens', 'total_cost', 'run_id'].map(
          (column) => `${name}.${column}`,
        ),
      ),
      'Beta.k',
      'Alpha.k',
    ])
    expect(columnOf('example_id')).toEqual([last, last, first])
    expect(columnOf('Alpha.run_id')).toEqual([runs[0]!.id, runs[1]!.id, ''])
    expect(columnOf('Beta.run_id')).toEqual([runs[2]!.id, '', runs[3]!.id])
    expect(columnOf('Alpha.k')).toEqual(['1', '', ''])
    expect(columnOf('Beta.k')).toEqual(['', '', '2'])
  })

  test('a null limit gives every row: 5,000 of them, in order; limit, offset, sort and preview work as in JSON', async () => {
    // In a database that other tests have filled and emptied, Postgres would plan for tables without rows.
    h = await harness({ isOwn: true })
    make = comparisonRows(h.db, h.tenant.id)
    dataset = await make.dataset()
    const session = await make.experiment(dataset)
    const made = Array.from(
      { length: 5000 },
      (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    )
    await h.db`
      insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs)
      select ${h.tenant.id}, unnest(${made}::uuid[]), ${dataset}, ${second(0)}, ${second(0)}, '{}'`
    const runs = made.map((example, i) =>
      rootRun(session, example, { outputs: `{"i":${i}}`, outputsPreview: `i=${i}` }),
    )
    await h.ingest(...runs)
    await h.ingest(feedbackOn(runs[4321]!, 'k', 1))
    const { records } = await csv({ session_ids: [session] })
    expect(records.slice(1).map((line) => [line[0], line[5]])).toEqual(
      made.map((id, i) => [id, `{"i":${i}}`]),
    )
    const page = await csv({ session_ids: [session], limit: 2, offset: 4998, preview: true })
    expect(page.records.slice(1).map((line) => line[5])).toEqual(['i=4998', 'i=4999'])
    const sorted = await csv({ session_ids: [session], limit: 1, sort_params: { sort_by: 'k' } })
    expect(sorted.records[1]![0]).toBe(made[4321])
  })

  test('without rows there is only a header', async () => {
    const session = await make.experiment(dataset)
    expect((await csv({ session_ids: [session] })).records).toHaveLength(1)
    expect((await csv({ session_ids: [randomUUID()] })).records).toEqual([
      ['example_id', 'example_name', 'inputs', 'reference_outputs', 'metadata'],
    ])
  })
})

describe('4xx', () => {
  const session = randomUUID()
  const refused: [name: string, body: unknown, status: number, loc?: unknown[]][] = [
    ['no body', undefined, 422],
    ['no object', [], 422],
    ['no session_ids', {}, 422, ['body', 'session_ids']],
    ['empty session_ids', { session_ids: [] }, 422, ['body', 'session_ids']],
    ['null session_ids', { session_ids: null }, 422, ['body', 'session_ids']],
    ['a malformed session id', { session_ids: ['abc'] }, 422, ['body', 'session_ids', 0]],
    ['a negative offset', { session_ids: [session], offset: -1 }, 422, ['body', 'offset']],
    ['a huge offset', { session_ids: [session], offset: 1e300 }, 422, ['body', 'offset']],
    ['a fractional offset', { session_ids: [session], offset: 0.5 }, 422, ['body', 'offset']],
    ['limit 0', { session_ids: [session], limit: 0 }, 422, ['body', 'limit']],
    ['limit 1001', { session_ids: [session], limit: 1001 }, 422, ['body', 'limit']],
    ['a text limit', { session_ids: [session], limit: 'ten' }, 422, ['body', 'limit']],
    ['a text preview', { session_ids: [session], preview: 'perhaps' }, 422, ['body', 'preview']],
    [
      'a malformed comparison',
      { session_ids: [session], comparative_experiment_id: 'x' },
      422,
      ['body', 'comparative_experiment_id'],
    ],
    [
      'sort_params without sort_by',
      { session_ids: [session], sort_params: {} },
      422,
      ['body', 'sort_params', 'sort_by'],
    ],
    [
      'a bad sort_order',
      { session_ids: [session], sort_params: { sort_by: 'k', sort_order: 'asc' } },
      422,
      ['body', 'sort_params', 'sort_order'],
    ],
    [
      'a sort over two sessions',
      { session_ids: [session, randomUUID()], sort_params: { sort_by: 'k' } },
      422,
      ['body', 'sort_params'],
    ],
    ['a filter key that is no uuid', { session_ids: [session], filters: { abc: [] } }, 422],
    [
      'a filter that is no list',
      { session_ids: [session], filters: { [session]: 'eq(name,"a")' } },
      422,
    ],
    [
      '1001 example_ids',
      { session_ids: [session], example_ids: Array(1001).fill(session) },
      422,
      ['body', 'example_ids'],
    ],
    [
      'a malformed example id',
      { session_ids: [session], example_ids: ['x'] },
      422,
      ['body', 'example_ids', 0],
    ],
    [
      'a filter that does not parse',
      { session_ids: [session], filters: { [session]: ['eq(name'] } },
      400,
    ],
    [
      'an unknown attribute',
      { session_ids: [session], filters: { [session]: ['eq(colour,"a")'] } },
      400,
    ],
    ['an empty filter', { session_ids: [session], filters: { [session]: [''] } }, 400],
    [
      'too many filters',
      { session_ids: [session], filters: { [session]: Array(3000).fill('eq(name,"a")') } },
      400,
    ],
    ['broken JSON', '{"session_ids":', 422],
    ['deep JSON', `{"session_ids":${'['.repeat(1000)}${']'.repeat(1000)}}`, 422],
  ]

  test.each(refused)('%s', async (_, body, status, loc) => {
    const answer = await h.call('POST', `/datasets/${dataset}/runs`, body)
    expect(answer.status, answer.text).toBe(status)
    if (loc !== undefined) {
      expect(answer.body.detail).toMatchObject([
        { loc, msg: expect.any(String), type: expect.any(String) },
      ])
    }
    expect(h.errors).toEqual([])
  })

  test('a filter that does not parse is reported with its position', async () => {
    const filters = { [session]: ['eq(name,"a")', 'eq(colour,"a")'] }
    const answer = await h.call('POST', `/datasets/${dataset}/runs`, {
      session_ids: [session],
      filters,
    })
    expect(answer.body.detail).toMatch(/^filters\.[-0-9a-f]+\.1: Invalid filter: .*position 3/)
  })

  test('NUL and lone surrogates in texts find nothing or are refused, and break nothing', async () => {
    const example = await make.example(dataset)
    const own = await make.experiment(dataset)
    await h.ingest(rootRun(own, example))
    for (const body of [
      { session_ids: [own], sort_params: { sort_by: 'a\0b' } },
      { session_ids: [own], sort_params: { sort_by: '\ud800' } },
      { session_ids: [own], filters: { [own]: ['eq(name,"a\0")'] } },
      { session_ids: [own], filters: { [own]: ['eq(name,"\ud800")'] } },
      {
        session_ids: [own],
        filters: { [own]: [`and(${Array(1000).fill('search("a")').join(',')})`] },
      },
    ]) {
      const answer = await h.call('POST', `/datasets/${dataset}/runs`, body)
      expect([200, 400, 422]).toContain(answer.status)
    }
    expect(h.errors).toEqual([])
  })

  test('404 for an unknown dataset, 422 for a malformed id and an unknown format', async () => {
    const body = { session_ids: [session] }
    const unknown = await h.call('POST', `/datasets/${randomUUID()}/runs`, body)
    expect(unknown).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
    expect((await h.call('POST', `/datasets/${randomUUID()}/runs?format=csv`, body)).status).toBe(
      404,
    )
    expect((await h.call('POST', '/datasets/abc/runs', body)).status).toBe(422)
    const xml = await h.call('POST', `/datasets/${dataset}/runs?format=xml`, body)
    expect(xml).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'format'] }] } })
  })

  test('another tenant can see neither the dataset nor, through its own, the sessions, runs and feedback', async () => {
    const example = await make.example(dataset)
    const own = await make.experiment(dataset)
    const run = rootRun(own, example)
    await h.ingest(run, feedbackOn(run, 'k', 1))
    const stranger = await h.addTenant()
    const body = { session_ids: [own], include_annotator_detail: true }
    const theirs = comparisonRows(h.db, stranger.id)
    expect((await h.callAs(stranger, 'POST', `/datasets/${dataset}/runs`, body)).status).toBe(404)
    const foreign = await theirs.dataset()
    await theirs.example(foreign, { id: example })
    const answer = await h.callAs(stranger, 'POST', `/datasets/${foreign}/runs`, body)
    expect(answer).toMatchObject({ status: 200, body: [] })
    expect(
      (await h.call('POST', `/datasets/${dataset}/runs`, body, { 'x-api-key': 'wrong' })).status,
    ).toBe(401)
  })
})

/** Parses RFC 4180 strictly: lines end with CRLF, and quotes are doubled inside quoted fields. */
function parseCsv(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    record.push(match[1]?.replaceAll('""', '"') ?? match[2]!)
    if (match[3] === '\r\n') {
      records.push(record)
      record = []
    }
    if (field.lastIndex === text.length) return records
  }
  throw new Error('not CSV')
}
