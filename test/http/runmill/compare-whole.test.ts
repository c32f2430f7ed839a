import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  rootRun,
  runEvent,
  second,
} from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
async function compare(h: Harness, body: object): Promise<any> {
  const answer = await h.call('POST', '/api/runmill/compare', body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

test('what was applied since the comparison before is in the next one', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1, 1, 1, 1), once(1, 1, 1, 1, 1))
  const asked = { candidates: [f.candidate], measures: ['correct'] }
  const correctOf = async () => (await compare(h, asked)).comparisons[0].measures[0]
  expect(await correctOf()).toMatchObject({ verdict: 'identical', pairs: 5 })

  const run = rootRun(f.candidate, f.examples[0]!)
  const given = feedbackOn(run, 'correct', 0)
  await h.ingest(run, given)
  expect(await correctOf()).toMatchObject({ worse: 1, equal: 4 })
  await h.call('DELETE', `/feedback/${given.id}`)
  expect(await correctOf()).toMatchObject({ verdict: 'identical', executions: { candidate: 5 } })
  const comparison = await compare(h, asked)
  expect(comparison.comparisons[0].validity.executions).toEqual({ baseline: 5, candidate: 6 })

  // What no worker has looked at yet is looked up.
  const stored = await h.db`select * from trace_aggregates where tenant_id = ${h.tenant.id}`
  expect(stored.length).toBeGreaterThan(0)
  await h.db`update trace_aggregates set executions = null where tenant_id = ${h.tenant.id}`
  await h.db`insert into aggregate_passes (tenant_id) values (${h.tenant.id})`
  expect(await compare(h, asked)).toEqual(comparison)
})

test('a linked run counts whether it comes later, or belongs to another trace', async () => {
  const h = await harness()
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const experiments = [await rows.experiment(datasetId, 'a'), await rows.experiment(datasetId, 'b')]
  const example = await rows.example(datasetId, { createdAt: second(1) })
  const [trace, other, run] = [randomUUID(), randomUUID(), randomUUID()]
  const inside = runEvent(run, {
    traceId: other,
    name: 'step',
    startTime: second(1),
    endTime: second(2),
    outputs: '{}',
  })
  await h.ingest(
    rootRun(experiments[0]!, example),
    linkEvent(datasetId, experiments[1]!, example, trace, run),
    feedbackOn({ id: run }, 'correct', 0.5),
  )
  const asked = { candidates: [experiments[1]!], baseline: experiments[0]! }
  const read = async () => {
    const { comparisons } = await compare(h, asked)
    const [{ measures, validity }] = comparisons
    // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
    const of = (key: string) => measures.find((each: any) => each.key === key)
    return {
      unfinished: validity.unfinished.candidate,
      correct: of('correct'),
      latency: of('latency'),
    }
  }
  expect(await read()).toMatchObject({ unfinished: 1, latency: { only_baseline: 1 } })
  await h.ingest(inside)
  expect(await read()).toMatchObject({
    unfinished: 0,
    latency: { pairs: 1, candidate_mean: 1 },
    correct: { only_candidate: 1 },
  })
  // Nothing of this names the trace that the link does.
  await h.ingest(feedbackOn(inside, 'late', 1))
  const { comparisons } = await compare(h, asked)
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
  expect(comparisons[0].measures.map((each: any) => each.key)).toEqual([
    'correct',
    'late',
    'latency',
  ])
})

test('only some examples count: by metadata, and by text', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1, 1, 0), once(0, 1, 1, 1))
  await h.db`update examples set metadata = '{"topic": "math", "level": 2}' where tenant_id = ${h.tenant.id} and id = any (${f.examples.slice(0, 2)})`
  const of = async (examples: object) => {
    const { comparisons, rows } = await compare(h, { candidates: [f.candidate], examples })
    const [{ measures, validity }] = comparisons
    const { pairs, better, worse } = measures[0] ?? { pairs: 0, better: 0, worse: 0 }
    return [validity.examples, pairs, better, worse, rows.length]
  }
  expect(await of({ metadata: { topic: 'math' } })).toEqual([2, 2, 0, 1, 2])
  expect(await of({ metadata: { topic: 'math', level: 3 } })).toEqual([0, 0, 0, 0, 0])
  expect(await of({ text: 'ANSWER 3' })).toEqual([1, 1, 1, 0, 1])
  expect(await of({ text: '"question":0', metadata: { level: 2 } })).toEqual([1, 1, 0, 1, 1])
  expect(await of({ text: '%' })).toEqual([0, 0, 0, 0, 0])
  expect(await of({})).toEqual([4, 4, 1, 1, 4])
})

test('rows alone, and the values of several executions', async () => {
  const h = await harness()
  const f = await twoExperiments(h, [[1, 0], [1]], [[0.25], [1]])
  const body = await compare(h, {
    candidates: [f.candidate],
    summary: false,
    change: { measure: 'correct', is: ['regressed'] },
  })
  expect(body.comparisons[0]).toMatchObject({ measures: [], categories: [], validity: { both: 2 } })
  expect(body.rows).toHaveLength(1)
  expect(body.rows[0].measures.correct).toEqual({
    a: 0.5,
    b: 0.25,
    executions: { baseline: 2, candidate: 1 },
  })
})

test('the family of corrected p is every score of every candidate', async () => {
  const h = await harness()
  const zeros = [0, 0, 0, 0, 0, 0, 0, 0]
  const f = await twoExperiments(h, once(...zeros), once(1, 1, 1, 1, 1, 1, 1, 1))
  const other = await comparisonRows(h.db, h.tenant.id).experiment(
    (
      await h.db`select dataset_id from experiments where tenant_id = ${h.tenant.id} and id = ${f.candidate}`
    )[0]!.datasetId as string,
  )
  for (const [i, example] of f.examples.entries()) {
    const run = rootRun(other, example)
    await h.ingest(run, feedbackOn(run, 'correct', i < 6 ? 1 : 0))
  }
  const { comparisons, family, rows } = await compare(h, {
    candidates: [f.candidate, other, f.candidate],
    baseline: f.baseline,
  })
  expect(family).toEqual({ size: 2, measures: ['correct'], candidates: 2 })
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
  const [first, second_] = comparisons.map((each: any) => each.measures[0])
  expect([first.p, second_.p]).toEqual([2 / 2 ** 8, 2 / 2 ** 6])
  expect(first.p_holm).toBeCloseTo(2 * first.p, 12)
  expect(second_.p_holm).toBeCloseTo(second_.p, 12)
  expect(rows[0]).toMatchObject({
    example_id: f.examples[7],
    measures: { correct: { a: 0, b: 1 } },
    others: [
      { candidate_id: other, runs: [{ status: 'success' }], measures: { correct: { a: 0, b: 0 } } },
    ],
  })
  expect(second_.baseline_interval[0]).toBe(0)
  expect(second_.candidate_interval[1]).toBeGreaterThan(0.9)
})

test('labels are compared as categories; configs and failures are told of', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1, 1, 1, 1, 1), once(1, 1, 1, 1, 1, 1))
  const events = []
  for (const [side, id] of [f.baseline, f.candidate].entries()) {
    for (const [i, example] of f.examples.entries()) {
      const isFailed = side === 1 && i === 0
      const run = rootRun(id, example, isFailed ? { error: '"failed"' } : {})
      events.push(run, feedbackOn(run, 'tone', null, { valueText: i < 3 + side ? 'kind' : 'rude' }))
      if (!isFailed) {
        events.push(feedbackOn(run, 'fluent', i % 3, { configId: `config ${side}` }))
      }
    }
  }
  await h.ingest(...events)
  const { comparisons } = await compare(h, { candidates: [f.candidate] })
  const [{ measures, categories, validity }] = comparisons
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers
  expect(measures.map((each: any) => each.key)).toEqual(['correct', 'fluent', 'latency'])
  expect(measures[1]).toMatchObject({
    is_same_config: false,
    pairs: 5,
    if_errored_were_worst: {
      worst: 0,
      filled: 1,
      pairs: 6,
      delta: 0,
      better: 0,
      worse: 0,
      equal: 6,
      missing: 0,
      verdict: 'identical',
    },
  })
  expect(measures[0].if_errored_were_worst).toBeNull()
  expect(validity.is_same_config).toBe(false)
  expect(validity.warnings).toContain('fluent was given by different configs')
  expect(categories).toHaveLength(1)
  expect(categories[0]).toMatchObject({
    key: 'tone',
    labels: ['kind', 'rude'],
    pairs: 6,
    moves: [
      [3, 0],
      [1, 2],
    ],
    moved: 1,
    stuart_maxwell: { statistic: 1, df: 1 },
    verdict: 'undecided',
    shares: [
      { label: 'kind', baseline: 0.5, candidate: 4 / 6, p: 1, p_holm: 1 },
      { label: 'rude', delta: -1 / 6 },
    ],
  })
})

test('of too many scores only some are compared, which is said; one that is named is always compared', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1), once(1, 1))
  const run = rootRun(f.candidate, f.examples[0]!)
  const names = Array.from({ length: 2001 }, (_, i) => `score ${String(i).padStart(4, '0')}`)
  await h.ingest(run, ...names.map((name) => feedbackOn(run, name, 1)))
  const compare = async (more: object) => {
    const body = { candidates: [f.candidate], baseline: f.baseline, limit: 0, ...more }
    const answer = await h.call('POST', '/api/runmill/compare', body)
    expect(answer.status).toBe(200)
    return answer.body.comparisons[0]
  }
  const warning = expect.stringContaining('too many scores')
  expect((await compare({})).validity.warnings).toContainEqual(warning)
  // It is read anew, although the experiment is known by now.
  for (const last of [names.at(-1)!, names.at(-2)!]) {
    const named = await compare({ measures: [last] })
    expect(named.measures).toMatchObject([{ key: last, only_candidate: 1 }])
    expect(named.validity.warnings).not.toContainEqual(warning)
  }
  const { body } = await h.call('GET', `/api/runmill/experiments/${f.candidate}/summary`)
  expect(body.has_more_measures).toBe(true)
})
