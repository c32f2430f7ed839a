import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, rootRun } from '../../support/comparison-rows.ts'
import { harness } from '../../support/harness.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

describe('200 GET /api/runmill/datasets', () => {
  test('lists datasets in pages, those with the newest experiments first', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const empty = await rows.dataset()
    const f = await twoExperiments(h, once(1, 0), once(1, 1))
    const first = await h.call('GET', '/api/runmill/datasets?limit=1')
    expect(first.status).toBe(200)
    const [dataset] = first.body.datasets
    expect(dataset).toMatchObject({ examples: 2, experiments: 2, description: null })
    expect(dataset.id).not.toBe(empty)
    const second = await h.call(
      'GET',
      `/api/runmill/datasets?limit=1&cursor=${first.body.next_cursor}`,
    )
    expect(second.body).toMatchObject({
      datasets: [{ id: empty, experiments: 0, last_experiment_at: null }],
      next_cursor: null,
    })
    const named = await h.call('GET', `/api/runmill/datasets?name=${empty.slice(3, 20)}`)
    expect(named.body.datasets.map(({ id }: { id: string }) => id)).toEqual([empty])
    expect(f.examples).toHaveLength(2)
  })
})

describe('200 GET /api/runmill/datasets/{id}/experiments', () => {
  test('lists experiments in pages, newest first, with what is counted so far', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 0), [[1, 0], []])
    const dataset = (await h.call('GET', '/api/runmill/datasets')).body.datasets[0]
    const url = `/api/runmill/datasets/${dataset.id}/experiments?limit=1`
    const { body } = await h.call('GET', url)
    expect(body).toMatchObject({ dataset: { id: dataset.id, name: dataset.name } })
    expect(body.experiments).toEqual([
      expect.objectContaining({
        id: f.candidate,
        metadata: { n: '1' },
        executions: 3,
        errors: 1,
        latency_p50: 2,
        scores: { correct: { n: 2, avg: 0.5, values: {} } },
      }),
    ])
    const older = await h.call('GET', `${url}&cursor=${body.next_cursor}`)
    expect(older.body.experiments.map(({ id }: { id: string }) => id)).toEqual([f.baseline])
    expect(older.body.next_cursor).toBeNull()
    // What was applied a moment ago counts.
    const run = rootRun(f.candidate, f.examples[0]!)
    await h.ingest(run, feedbackOn(run, 'correct', 1))
    const again = await h.call('GET', url)
    expect(again.body.experiments[0]).toMatchObject({
      executions: 4,
      scores: { correct: { n: 3 } },
    })
  })
})

describe('400', () => {
  test('a cursor of no list is refused', async () => {
    const h = await harness()
    const { status, body } = await h.call('GET', '/api/runmill/datasets?cursor=nope')
    expect([status, body]).toEqual([400, { error: 'Invalid cursor' }])
  })
})
