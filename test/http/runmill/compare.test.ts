import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, rootRun, second } from '../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../support/harness.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

function compare(h: Harness, body: object): Promise<Answer> {
  return h.call('POST', '/api/runmill/compare', body)
}

describe('200 POST /api/runmill/compare', () => {
  test('judges a measure over the pairs, with repetitions averaged within their example', async () => {
    const h = await harness()
    // The examples and figures of scipy in test/fixtures/statistics.
    const f = await twoExperiments(
      h,
      [
        [0.8, 0.7, 0.9],
        [0.5, 0.6, 0.4],
        [1, 1, 0.9],
        [0.2, 0.3, 0.1],
        [0.6, 0.6, 0.7],
        [0.9, 0.8, 1],
        [0.4, 0.5, 0.5],
        [0.7, 0.9, 0.8],
      ],
      [
        [0.9, 0.9, 0.8],
        [0.6, 0.7, 0.6],
        [1, 0.9, 1],
        [0.4, 0.2, 0.3],
        [0.7, 0.8, 0.6],
        [0.9, 1, 1],
        [0.4, 0.4, 0.6],
        [0.9, 0.9, 1],
      ],
    )
    const { status, body } = await compare(h, { candidates: [f.candidate], baseline: f.baseline })
    expect(status).toBe(200)
    expect(body).toMatchObject({ version: 1, baseline: { id: f.baseline }, next_cursor: null })
    const [{ candidate, measures, validity }] = body.comparisons
    expect(candidate).toMatchObject({ id: f.candidate, metadata: { n: '1' } })
    expect(measures.map((each: { key: string }) => each.key)).toEqual(['correct', 'latency'])
    const [correct, latency] = measures
    expect(correct).toMatchObject({
      pairs: 8,
      better: 6,
      worse: 0,
      equal: 2,
      missing: 0,
      p: 0.03125,
      p_holm: 0.03125,
      verdict: 'better',
      method: 'exact sign flip',
    })
    expect(correct.delta).toBeCloseTo(0.0708333333, 9)
    expect(correct.interval[0]).toBeCloseTo(0.02756514, 9)
    expect(correct.interval[1]).toBeCloseTo(0.1141015267, 9)
    expect(correct.summary).toBe(
      'correct +0.0708 (95 % 0.0276 … 0.114, p 0.031): better; 8 pairs, 6 better / 0 worse / 2 equal, 0 missing',
    )
    expect(latency).toMatchObject({
      direction: 'lower',
      delta: 0,
      verdict: 'identical',
      p: null,
      p_holm: null,
    })
    expect(validity).toMatchObject({
      is_same_dataset: true,
      both: 8,
      executions: { baseline: 24, candidate: 24 },
      warnings: [],
    })
  })

  test('passes and failures are judged by the pairs that changed', async () => {
    const h = await harness()
    const f = await twoExperiments(
      h,
      once(1, 1, 0, 0, 0, 0, 0, 0, 1, 0),
      once(0, 1, 1, 1, 1, 1, 1, 1, 1, 0),
    )
    const { body } = await compare(h, {
      candidates: [f.candidate],
      measures: ['correct'],
      limit: 0,
    })
    expect(body.rows).toEqual([])
    expect(body.comparisons[0].measures).toEqual([
      expect.objectContaining({
        method: 'exact McNemar, Tango interval',
        delta: 0.5,
        better: 6,
        worse: 1,
        equal: 3,
        p: 0.125,
      }),
    ])
  })

  test('says what is missing, failed, unfinished, changed, or only on one side', async () => {
    const h = await harness()
    const f = await twoExperiments(h, [[1], [1], [], null, [1]], [[1], null, [0], [0], []])
    await h.ingest(rootRun(f.candidate, f.examples[0]!, { endTime: null }))
    await h.db`update examples set valid_from = ${second(100.5)} where tenant_id = ${h.tenant.id} and id = ${f.examples[0]!}`
    const { body } = await compare(h, {
      candidates: [f.candidate],
      change: { measure: 'correct', is: ['missing'] },
    })
    const [{ validity, measures }] = body.comparisons
    expect(validity).toEqual({
      is_same_dataset: true,
      is_same_version: false,
      is_same_config: true,
      examples: 5,
      both: 3,
      changed_examples: 1,
      added: 0,
      newly_errored: 1,
      only_baseline: 1,
      only_candidate: 1,
      errored: { baseline: 1, candidate: 1 },
      unfinished: { baseline: 0, candidate: 1 },
      executions: { baseline: 4, candidate: 5 },
      warnings: [
        '1 example changed between the two experiments',
        '1 example only in the baseline',
        '1 example only in the candidate',
        '1 example failed in the baseline',
        '1 example failed in the candidate',
        '1 example unfinished in the candidate',
      ],
    })
    expect(measures[0]).toMatchObject({
      key: 'correct',
      pairs: 1,
      only_baseline: 2,
      only_candidate: 2,
      missing: 4,
      p: null,
      interval: null,
      verdict: 'cannot judge',
    })
    expect(body.rows.map((row: { example_id: string }) => row.example_id)).toEqual(
      f.examples.slice(1).toReversed(),
    )
    expect(body.rows[0]).toMatchObject({
      inputs: { question: 4 },
      reference: 'answer 4',
      baseline: [{ status: 'success', latency: 2 }],
      candidate: [{ status: 'error' }],
      measures: { correct: { a: 1, b: null } },
    })
  })

  test('rows are sorted by a difference over all examples, page by page', async () => {
    const h = await harness()
    const f = await twoExperiments(
      h,
      once(0.5, 0.5, 0.5, null, 0.5, 0.5),
      once(0.5, 0.1, 0.9, 0.5, 0.7, 0.1),
    )
    const asked = { candidates: [f.candidate], sort: { measure: 'correct', order: 'asc' } }
    const order = [5, 1, 0, 4, 2, 3].map((i) => f.examples[i])
    const seen: string[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const { body } = await compare(h, {
        ...asked,
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      })
      seen.push(...body.rows.map((row: { example_id: string }) => row.example_id))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(order)
    const change = { measure: 'correct', is: ['regressed', 'equal'] }
    const { body } = await compare(h, { ...asked, change, directions: { correct: 'lower' } })
    expect(body.rows.map((row: { example_id: string }) => row.example_id)).toEqual(
      [0, 4, 2].map((i) => f.examples[i]),
    )
  })

  test('rows are found by a text in the inputs or the reference, in upper or lower case', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 0, 1, 0), once(0, 0, 1, 1))
    const found = async (text: string, more: object = {}) => {
      const examples = { text }
      const { body } = await compare(h, { candidates: [f.candidate], examples, ...more })
      return body.rows.map(({ example_id }: { example_id: string }) =>
        f.examples.indexOf(example_id),
      )
    }
    expect(await found('ANSWER 2')).toEqual([2])
    expect(await found('"question": 1')).toEqual([])
    expect(await found('"question":1')).toEqual([1])
    expect(await found('answer')).toEqual([3, 2, 1, 0])
    expect(await found('answer', { sort: { measure: 'correct' }, limit: 2 })).toEqual([0, 2])
    expect(await found('%')).toEqual([])
  })

  test('the baseline is the experiment before, the latest of a branch, or one by name', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1), once(0))
    const name = async (body: object) => (await compare(h, body)).body.baseline?.id
    expect(await name({ candidates: [f.candidate] })).toBe(f.baseline)
    expect(await name({ candidates: [f.baseline], baseline: 'latest' })).toBe(f.candidate)
    expect(
      await name({ candidates: [f.candidate], baseline: 'latest', baseline_metadata: { n: '0' } }),
    ).toBe(f.baseline)
    const { body } = await compare(h, { candidates: [f.candidate] })
    expect(
      await name({
        candidates: [body.comparisons[0].candidate.name],
        baseline: body.baseline.name,
      }),
    ).toBe(f.baseline)
  })

  test('a score that its config calls better when lower', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 2, 3, 4, 5, 6), once(2, 4, 5, 6, 8, 8))
    await h.call('POST', '/feedback-configs', {
      feedback_key: 'correct',
      feedback_config: { type: 'continuous' },
      is_lower_score_better: true,
    })
    const { body } = await compare(h, { candidates: [f.candidate] })
    expect(body.comparisons[0].measures[0]).toMatchObject({
      direction: 'lower',
      better: 0,
      worse: 6,
      verdict: 'worse',
    })
  })
})

test('404 when there is no such experiment, and nothing before the first', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1), once(0))
  expect(await compare(h, { candidates: [randomUUID()] })).toMatchObject({ status: 404 })
  expect(await compare(h, { candidates: ['nothing of that name'] })).toMatchObject({ status: 404 })
  const { status, body } = await compare(h, { candidates: [f.baseline] })
  expect(status).toBe(404)
  expect(body.error).toMatch(/has no earlier experiment to compare base of .* with$/)
})

test('400 for a name that several datasets have, a cursor of somebody else, and two measures', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1), once(0))
  const rows = comparisonRows(h.db, h.tenant.id)
  const names = [await rows.dataset(), await rows.dataset()]
  for (const [i, dataset] of names.entries()) {
    const id = await rows.experiment(dataset, `unique ${i}`)
    await h.db`update experiments set name = 'common', name_scope = ${dataset} where tenant_id = ${h.tenant.id} and id = ${id}`
  }
  expect(await compare(h, { candidates: ['common'], baseline: f.baseline })).toMatchObject({
    status: 400,
  })
  expect(await compare(h, { candidates: [f.candidate], cursor: 'abc' })).toMatchObject({
    status: 400,
  })
  expect(
    await compare(h, {
      candidates: [f.candidate],
      sort: { measure: 'a' },
      change: { measure: 'b', is: ['equal'] },
    }),
  ).toMatchObject({ status: 400 })
})

test('a score may be called as a measure, an execution counts once, and nothing is compared with itself', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1, 1, 1, 1), once(1, 1, 1, 1, 0))
  const judged = rootRun(f.candidate, f.examples[0]!)
  // Two judges of one execution, and another execution of the same example.
  await h.ingest(
    judged,
    feedbackOn(judged, 'correct', 0),
    feedbackOn(judged, 'correct', 1),
    feedbackOn(judged, 'latency', 7),
  )
  const { body } = await compare(h, { candidates: [f.candidate], sort: { measure: 'correct' } })
  const [correct, latency] = body.comparisons[0].measures
  expect(correct).toMatchObject({ key: 'correct', pairs: 5, worse: 2 })
  expect(correct.delta).toBeCloseTo((-0.25 - 1) / 5, 12)
  expect(latency).toMatchObject({ key: 'latency', is_score: true, pairs: 0, only_candidate: 1 })
  expect(body.comparisons[0].measures).toHaveLength(2)
  expect(body.rows).toHaveLength(5)
  expect(body.rows.slice(0, 2).map((row: { example_id: string }) => row.example_id)).toEqual([
    f.examples[4],
    f.examples[0],
  ])
  const { status } = await compare(h, { candidates: [f.candidate], baseline: f.candidate })
  expect(status).toBe(400)
})

test('401 and 422 say why', async () => {
  const h = await harness()
  expect(await h.call('POST', '/api/runmill/compare', {}, { 'x-api-key': 'wrong' })).toMatchObject({
    status: 401,
    body: { error: 'Invalid key' },
  })
  const { status, body } = await compare(h, { candidates: [] })
  expect(status).toBe(422)
  expect(body.error).toMatch(/candidates/)
})
