import { describe, expect, test } from 'vitest'
import { feedbackOn, rootRun } from '../../support/comparison-rows.ts'
import { harness } from '../../support/harness.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

describe('200 GET /api/runmill/experiments/{id}/summary', () => {
  test('the unit of means and intervals is the example: repetitions are averaged within it', async () => {
    const h = await harness()
    const f = await twoExperiments(h, [[1, 1, 1, 0], [0], [1], [0.5], [0]], once(1, 1, 0, 1, 1))
    await h.ingest(rootRun(f.baseline, f.examples[0]!, { endTime: null }))
    const { status, body } = await h.call('GET', `/api/runmill/experiments/${f.baseline}/summary`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      experiment: { id: f.baseline },
      executions: 9,
      examples: 5,
      errored: 0,
      unfinished: 1,
    })
    const [correct, latency] = body.measures
    // 0.45 ± 2.7764451052 · √0.2 / √5, over 0.75, 0, 1, 0.5 and 0.
    expect(correct).toMatchObject({ key: 'correct', is_score: true, examples: 5, mean: 0.45 })
    expect(correct.interval[0]).toBeCloseTo(-0.105289021, 9)
    expect(correct.interval[1]).toBeCloseTo(1.005289021, 9)
    expect(latency).toMatchObject({ key: 'latency', is_score: false, examples: 5 })
  })

  test("passes and failures have Wilson's interval", async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(0, 0, 0, 0, 0), once(1, 1, 1, 1, 1))
    const { body } = await h.call('GET', `/api/runmill/experiments/${f.candidate}/summary`)
    expect(body.measures[0].interval[0]).toBeCloseTo(0.5655175352, 9)
    expect(body.measures[0].interval[1]).toBe(1)
  })
})

describe('200 GET /api/runmill/experiments/{id}/examples/{example_id}', () => {
  test('has every execution of the example, with payloads as they were sent, scores and reasons', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 1), [[], [0]])
    const example = f.examples[1]!
    const run = rootRun(f.candidate, example, {
      inputs: '{"question": 1.0}',
      outputs: '{"answer": "no"}',
    })
    await h.ingest(
      run,
      feedbackOn(run, 'correct', 0, { comment: 'The answer is yes.', sourceType: 'model' }),
    )
    const url = `/api/runmill/experiments/${f.candidate}/examples/${example}`
    const { status, body, text } = await h.call('GET', url)
    expect(status).toBe(200)
    expect(body.example).toMatchObject({ inputs: { question: 1 }, reference: 'answer 1' })
    expect(body.executions).toHaveLength(2)
    const found = body.executions.find(({ id }: { id: string }) => id === run.id)
    expect(found).toMatchObject({
      trace_id: run.id,
      status: 'success',
      latency: 2,
      outputs: { answer: 'no' },
      error: null,
      scores: [{ key: 'correct', score: 0, comment: 'The answer is yes.', source: 'model' }],
    })
    expect(text).toContain('{"question": 1.0}')
    const failed = await h.call(
      'GET',
      `/api/runmill/experiments/${f.candidate}/examples/${f.examples[0]!}`,
    )
    expect(failed.body.executions).toEqual([
      expect.objectContaining({ status: 'error', error: 'failed', scores: [] }),
    ])
  })
})

describe('404', () => {
  test('for an experiment or an example that is not there', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1), once(1))
    const unknown = '00000000-0000-4000-8000-000000000000'
    for (const [path, error] of [
      [`${unknown}/summary`, 'There is no such experiment on a dataset'],
      [`${unknown}/examples/${f.examples[0]}`, 'There is no such experiment on a dataset'],
      [`${f.candidate}/examples/${unknown}`, 'There is no such example'],
    ]) {
      const { status, body } = await h.call('GET', `/api/runmill/experiments/${path}`)
      expect([status, body]).toEqual([404, { error }])
    }
  })
})
