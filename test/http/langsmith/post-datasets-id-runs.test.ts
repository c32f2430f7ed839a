import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  rootRun,
  runEvent,
  second,
  traceEvent,
} from '../../support/comparison-rows.ts'

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

/** Examples made one second apart, the oldest first: the default order is theirs reversed. */
async function examples(count: number): Promise<string[]> {
  const made: string[] = []
  for (let i = 0; i < count; i++) made.push(await make.example(dataset, { createdAt: second(i) }))
  return made
}

describe('200: what is answered', () => {
  test('every field of the example and its run, exactly as it was stored', async () => {
    const source = randomUUID()
    const example = await make.example(dataset, {
      inputs: '{"z":1.0, "a":"\\u0000", "big":12345678901234567890}',
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
      inputs: { z: 1, a: '\0', big: 12345678901234567890 },
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

  test('a failed run has its whole error, and one that has not ended is pending', async () => {
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

  test('an unknown session, another dataset and another dataset’s session contribute nothing', async () => {
    const other = await make.dataset()
    const [here, there] = [await make.example(dataset), await make.example(other)]
    const mine = await make.experiment(dataset)
    const foreign = await make.experiment(other)
    await h.ingest(rootRun(mine, here), rootRun(mine, there), rootRun(foreign, here))
    expect(ids(await read({ session_ids: [randomUUID(), mine, foreign] }))).toEqual([here])
    expect(await read({ session_ids: [foreign] })).toEqual([])
    expect(await read({ session_ids: [randomUUID()] })).toEqual([])
  })

  test('a plain tracing project contributes what it ran of the dataset', async () => {
    const example = await make.example(dataset)
    const project = await make.experiment(null)
    const run = rootRun(project, example)
    await h.ingest(run, rootRun(project, randomUUID()))
    expect(runIds(await read({ session_ids: [project] }))).toEqual([[run.id]])
  })

  test('an example shows its newest content; deleted or archived it is still shown', async () => {
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

  test('a deleted session is gone at once', async () => {
    const example = await make.example(dataset)
    const session = await make.experiment(dataset)
    await h.ingest(rootRun(session, example))
    await h.db`delete from experiments where id = ${session}`
    expect(await read({ session_ids: [session] })).toEqual([])
  })

  test('example_ids intersects, and pages within the intersection', async () => {
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
    // All of one instant: ids break the ties.
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

  test('more than one internal page is one answer', async () => {
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
  test('plain statistics leave comparative feedback out; asked for, that of one comparison comes in', async () => {
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

  test('scores average exactly, booleans count, labels are tallied, session feedback stays out', async () => {
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

  test('feedback on the trace belongs to the run that is shown for it, that on a child does not', async () => {
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
