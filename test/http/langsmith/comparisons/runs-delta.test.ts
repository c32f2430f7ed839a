import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, rootRun, second } from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

interface Fixture {
  datasetId: string
  baseline: string
  compared: string
  /** The last one is the newest. */
  examples: string[]
}

async function fixture(h: Harness, count = 4): Promise<Fixture> {
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const examples: string[] = []
  for (let i = 0; i < count; i++) {
    examples.push(await rows.example(datasetId, { createdAt: second(i) }))
  }
  return {
    datasetId,
    baseline: await rows.experiment(datasetId),
    compared: await rows.experiment(datasetId),
    examples,
  }
}

/** Makes one run per example with its score. null makes a run without a score. */
async function score(
  h: Harness,
  experimentId: string,
  examples: string[],
  scores: (number | null)[],
  patch: { name?: string } = {},
): Promise<void> {
  for (const [i, value] of scores.entries()) {
    const run = rootRun(experimentId, examples[i]!, patch)
    await h.ingest(run, ...(value === null ? [] : [feedbackOn(run, 'correct', value)]))
  }
}

function delta(h: Harness, f: Fixture, more: object = {}): Promise<Answer> {
  return h.call('POST', `/datasets/${f.datasetId}/runs/delta`, {
    baseline_session_id: f.baseline,
    comparison_session_ids: [f.compared],
    feedback_key: 'correct',
    ...more,
  })
}

describe('200 POST /datasets/{id}/runs/delta', () => {
  test('examples are sorted into better and worse than the baseline; equal and unscored ones are in neither list', async () => {
    const h = await harness()
    const f = await fixture(h, 6)
    await score(h, f.baseline, f.examples, [0, 1, 1, 0.5, 0, null])
    await score(h, f.compared, f.examples, [1, 0, 1, 0.75, null, 1])
    const { status, body } = await delta(h, f)
    expect(status).toBe(200)
    expect(body).toEqual({
      feedback_deltas: {
        [f.compared]: {
          improved_examples: [f.examples[3], f.examples[0]],
          regressed_examples: [f.examples[1]],
        },
      },
    })
  })

  test('the mean over repetitions is compared', async () => {
    const h = await harness()
    const f = await fixture(h, 1)
    await score(h, f.baseline, f.examples, [0.5])
    await score(h, f.compared, f.examples, [0])
    await score(h, f.compared, f.examples, [0.9])
    expect((await delta(h, f)).body.feedback_deltas[f.compared]).toEqual({
      improved_examples: [],
      regressed_examples: f.examples,
    })
  })

  test('where lower scores are better, a lower score is an improvement', async () => {
    const h = await harness()
    const f = await fixture(h, 2)
    await score(h, f.baseline, f.examples, [1, 0])
    await score(h, f.compared, f.examples, [0, 1])
    await h.call('POST', '/feedback-configs', {
      feedback_key: 'correct',
      feedback_config: { type: 'continuous' },
      is_lower_score_better: true,
    })
    const lower = { improved_examples: [f.examples[0]], regressed_examples: [f.examples[1]] }
    const higher = { improved_examples: [f.examples[1]], regressed_examples: [f.examples[0]] }
    expect((await delta(h, f)).body.feedback_deltas[f.compared]).toEqual(lower)
    await h.call('DELETE', '/feedback-configs?feedback_key=correct')
    expect((await delta(h, f)).body.feedback_deltas[f.compared]).toEqual(higher)
  })

  test('every requested session has an entry; those of the baseline and of unknown sessions are empty', async () => {
    const h = await harness()
    const f = await fixture(h, 1)
    await score(h, f.baseline, f.examples, [0])
    await score(h, f.compared, f.examples, [1])
    const unknown = randomUUID()
    const none = { improved_examples: [], regressed_examples: [] }
    const several = { comparison_session_ids: [f.compared, f.baseline, unknown] }
    expect((await delta(h, f, several)).body.feedback_deltas).toEqual({
      [f.compared]: { improved_examples: f.examples, regressed_examples: [] },
      [f.baseline]: none,
      [unknown]: none,
    })
    const { body } = await delta(h, f, { baseline_session_id: unknown })
    expect(body.feedback_deltas).toEqual({ [f.compared]: none })
    expect((await delta(h, f, { comparison_session_ids: [] })).body.feedback_deltas).toEqual({})
  })

  test('offset and limit page through each list separately', async () => {
    const h = await harness()
    const f = await fixture(h, 4)
    await score(h, f.baseline, f.examples, [0, 0, 0, 1])
    await score(h, f.compared, f.examples, [1, 1, 1, 0])
    const page = async (range: object) =>
      (await delta(h, f, range)).body.feedback_deltas[f.compared]
    expect(await page({ limit: 2 })).toEqual({
      improved_examples: [f.examples[2], f.examples[1]],
      regressed_examples: [f.examples[3]],
    })
    expect(await page({ limit: 2, offset: 2 })).toEqual({
      improved_examples: [f.examples[0]],
      regressed_examples: [],
    })
  })

  test('filters choose the runs that count', async () => {
    const h = await harness()
    const f = await fixture(h, 1)
    await score(h, f.baseline, f.examples, [0.5])
    await score(h, f.compared, f.examples, [1], { name: 'good' })
    await score(h, f.compared, f.examples, [0], { name: 'bad' })
    const filters = { [f.compared]: ['eq(name, "bad")'] }
    expect((await delta(h, f, { filters })).body.feedback_deltas[f.compared]).toEqual({
      improved_examples: [],
      regressed_examples: f.examples,
    })
  })

  test('feedback of a comparison counts only when asked for, and other keys never count', async () => {
    const h = await harness()
    const f = await fixture(h, 1)
    const comparativeExperimentId = randomUUID()
    const runs = [rootRun(f.baseline, f.examples[0]!), rootRun(f.compared, f.examples[0]!)]
    await h.ingest(...runs)
    await h.ingest(
      ...runs.flatMap((run, i) => [
        feedbackOn(run, 'correct', i, { comparativeExperimentId }),
        feedbackOn(run, 'other', i),
      ]),
    )
    const none = { improved_examples: [], regressed_examples: [] }
    expect((await delta(h, f)).body.feedback_deltas[f.compared]).toEqual(none)
    const scoped = await delta(h, f, { comparative_experiment_id: comparativeExperimentId })
    expect(scoped.body.feedback_deltas[f.compared].improved_examples).toEqual(f.examples)
  })
})

describe('4xx POST /datasets/{id}/runs/delta', () => {
  test('404 for an unknown dataset and for another tenant', async () => {
    const h = await harness()
    const f = await fixture(h, 0)
    expect((await delta(h, { ...f, datasetId: randomUUID() })).status).toBe(404)
    const other = await h.addTenant()
    const body = {
      baseline_session_id: f.baseline,
      comparison_session_ids: [f.compared],
      feedback_key: 'correct',
    }
    const url = `/datasets/${f.datasetId}/runs/delta`
    expect((await h.callAs(other, 'POST', url, body)).status).toBe(404)
  })

  test('422 for malformed input, 400 for a filter that does not parse', async () => {
    const h = await harness()
    const f = await fixture(h, 0)
    for (const wrong of [
      { baseline_session_id: 'x' },
      { baseline_session_id: null },
      { comparison_session_ids: ['x'] },
      { comparison_session_ids: undefined },
      { feedback_key: 1 },
      { feedback_key: undefined },
      { limit: 0 },
      { limit: 101 },
      { offset: -1 },
      { filters: { x: [] } },
      { comparative_experiment_id: 'x' },
    ]) {
      expect((await delta(h, f, wrong)).status, JSON.stringify(wrong)).toBe(422)
    }
    expect((await delta(h, f, { filters: { [f.compared]: ['eq(name'] } })).status).toBe(400)
    expect((await delta(h, f, { feedback_key: 'a\0\ud800' })).status).toBe(200)
    expect(h.errors).toEqual([])
  })
})
