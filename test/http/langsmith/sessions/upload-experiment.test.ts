import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

const times = { start_time: '2026-01-21T10:00:00Z', end_time: '2026-01-21T10:00:02.5Z' }

const base = {
  experiment_name: 'exp',
  dataset_name: 'ds',
  experiment_start_time: '2026-01-21T10:00:00Z',
  experiment_end_time: '2026-01-21T11:00:00Z',
}

function upload(h: Harness, body: object, headers = {}): Promise<Answer> {
  return h.call('POST', '/datasets/upload-experiment', { ...base, ...body }, headers)
}

async function examples(h: Harness, datasetId: string): Promise<Record<string, unknown>[]> {
  return (await h.call('GET', `/examples?dataset=${datasetId}`)).body
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
async function compared(h: Harness, answer: Answer): Promise<Record<string, any>[]> {
  const { dataset, experiment } = answer.body
  const body = { session_ids: [experiment.id], limit: 100 }
  return (await h.call('POST', `/datasets/${dataset.id}/runs`, body)).body
}

async function counts(h: Harness): Promise<number[]> {
  const [row] = await h.db<{ counts: number[] }[]>`
    select array[
      (select count(*) from datasets), (select count(*) from examples), (select count(*) from experiments),
      (select count(*) from runs), (select count(*) from feedback)
    ]::int[] as counts`
  return row!.counts
}

describe('200 POST /datasets/upload-experiment', () => {
  test('dataset, examples, experiment, runs and scores can be read once it is answered', async () => {
    const h = await harness()
    const rowId = randomUUID()
    const answer = await upload(h, {
      dataset_description: 'd',
      experiment_description: 'e',
      experiment_metadata: { model: 'gpt', n: 1.5 },
      summary_experiment_scores: [{ key: 'overall', score: 0.75 }],
      results: [
        {
          ...times,
          row_id: rowId,
          inputs: { q: '1+1' },
          expected_outputs: { a: '2' },
          actual_outputs: { a: 'two' },
          evaluation_scores: [
            { key: 'correct', score: true, comment: 'c', feedback_config: { type: 'continuous' } },
            { key: 'label', value: 'GOOD' },
          ],
          run_name: 'target',
          run_metadata: { seed: 7 },
        },
        { ...times, inputs: { q: '2+2' }, error: 'boom' },
      ],
    })
    expect(answer.status).toBe(200)
    const { dataset, experiment } = answer.body
    expect(dataset).toMatchObject({
      name: 'ds',
      description: 'd',
      externally_managed: true,
      example_count: 2,
      session_count: 1,
      tenant_id: h.tenant.id,
    })
    expect(experiment).toMatchObject({
      name: 'exp',
      description: 'e',
      reference_dataset_id: dataset.id,
      extra: { metadata: { model: 'gpt', n: 1.5 } },
      start_time: '2026-01-21T10:00:00.000000Z',
      end_time: '2026-01-21T11:00:00.000000Z',
      run_count: 2,
      error_rate: 0.5,
      latency_p50: 2.5,
      feedback_stats: {
        correct: { n: 1, avg: 1, values: {} },
        label: { n: 1, avg: null, values: { GOOD: 1 } },
      },
      session_feedback_stats: { overall: { n: 1, avg: 0.75, values: {} } },
      test_run_number: 1,
    })
    const rows = await compared(h, answer)
    expect(rows).toHaveLength(2)
    const row = rows.find((one) => one.id === rowId)!
    expect(row).toMatchObject({ inputs: { q: '1+1' }, outputs: { a: '2' } })
    expect(row.runs).toMatchObject([
      {
        name: 'target',
        run_type: 'chain',
        status: 'success',
        inputs: { q: '1+1' },
        outputs: { a: 'two' },
        session_id: experiment.id,
        start_time: '2026-01-21T10:00:00.000000Z',
        end_time: '2026-01-21T10:00:02.500000Z',
        extra: { metadata: { seed: 7 } },
        feedback_stats: { correct: { n: 1 }, label: { n: 1 } },
      },
    ])
    const other = rows.find((one) => one.id !== rowId)!
    expect(other).toMatchObject({ inputs: { q: '2+2' }, outputs: null })
    expect(other.runs).toMatchObject([
      { name: 'exp', status: 'error', error: 'boom', outputs: null },
    ])
    const { body: configs } = await h.call('GET', '/feedback-configs')
    expect(configs).toMatchObject([{ feedback_key: 'correct' }])
  })

  test('the same rows in a second upload, with or without ids, are the same examples', async () => {
    const h = await harness()
    const results = [
      { ...times, inputs: { q: 1 }, expected_outputs: { a: 1 } },
      { ...times, row_id: randomUUID(), inputs: { q: 1 }, expected_outputs: { a: 1 } },
    ]
    const first = await upload(h, { results })
    const second = await upload(h, {
      experiment_name: 'exp-2',
      dataset_name: null,
      dataset_id: first.body.dataset.id,
      results,
    })
    expect(second.status).toBe(200)
    expect(second.body.dataset).toMatchObject({ id: first.body.dataset.id, example_count: 2 })
    const ids = async (answer: Answer) => (await compared(h, answer)).map((row) => row.id)
    expect(await ids(second)).toEqual(await ids(first))
    const { body: versions } = await h.call('GET', `/examples?dataset=${first.body.dataset.id}`)
    expect(new Set(versions.map((one: { modified_at: string }) => one.modified_at)).size).toBe(1)
  })

  test('a row with a known id and other contents makes a new version of the example', async () => {
    const h = await harness()
    const row = { ...times, row_id: randomUUID(), inputs: { q: 1 }, expected_outputs: { a: 1 } }
    const { body } = await upload(h, { results: [row] })
    await upload(h, { experiment_name: 'b', results: [{ ...row, expected_outputs: { a: 2 } }] })
    expect(await examples(h, body.dataset.id)).toMatchObject([
      { id: row.row_id, outputs: { a: 2 } },
    ])
  })

  test('rows of the same example are repetitions, with or without an id', async () => {
    const h = await harness()
    const row = { ...times, inputs: { q: 1 }, expected_outputs: { a: 1 } }
    const answer = await upload(h, { results: [row, row] })
    const rows = await compared(h, answer)
    expect(rows).toHaveLength(1)
    expect(rows[0]!.runs).toHaveLength(2)
    expect(answer.body.experiment.run_count).toBe(2)
  })

  test('an unknown dataset id is used for a new dataset when a name is sent with it', async () => {
    const h = await harness()
    const id = randomUUID()
    const { status, body } = await upload(h, { dataset_id: id, results: [] })
    expect(status).toBe(200)
    expect(body.dataset).toMatchObject({ id, name: 'ds', example_count: 0 })
    expect(body.experiment.run_count).toBe(0)
  })

  test('large numbers, key order and odd text are stored as they were sent', async () => {
    const h = await harness()
    const payload = '{"z":12345678901234567890.10,"a":"\\u0000 \\ud800"}'
    const answer = await h.call(
      'POST',
      '/datasets/upload-experiment',
      `{"experiment_name":"e\\u0000","dataset_name":"d","experiment_start_time":0,"experiment_end_time":1,
        "results":[{"inputs":${payload},"actual_outputs":${payload},"start_time":0,"end_time":1}]}`,
    )
    expect(answer.status).toBe(200)
    const { text } = await h.call('POST', `/datasets/${answer.body.dataset.id}/runs`, {
      session_ids: [answer.body.experiment.id],
    })
    expect(text.split(payload)).toHaveLength(4)
    expect(h.errors).toEqual([])
  })
})

describe('4xx POST /datasets/upload-experiment: nothing is written', () => {
  const row = { ...times, inputs: { q: 1 } }

  test('422 for malformed input in any place', async () => {
    const h = await harness()
    const id = randomUUID()
    for (const body of [
      { experiment_name: undefined, results: [row] },
      { experiment_name: '', results: [row] },
      { experiment_name: 'n'.repeat(129), results: [row] },
      { dataset_name: undefined, results: [row] },
      { dataset_id: 'x', results: [row] },
      { results: undefined },
      { results: {} },
      { experiment_start_time: 'then', results: [row] },
      { experiment_end_time: null, results: [row] },
      { experiment_metadata: [], results: [row] },
      { results: [row, { ...row, inputs: [] }] },
      { results: [row, { ...row, inputs: undefined }] },
      { results: [row, { ...row, start_time: undefined }] },
      { results: [row, { ...row, end_time: 'x' }] },
      { results: [row, { ...row, row_id: 'x' }] },
      { results: [row, { ...row, actual_outputs: 'text' }] },
      { results: [row, { ...row, error: 7 }] },
      { results: [row, { ...row, run_metadata: 'x' }] },
      { results: [row, { ...row, evaluation_scores: [{ score: 1 }] }] },
      { results: [row, { ...row, evaluation_scores: [{ key: 'k', score: 'high' }] }] },
      {
        results: [
          { ...row, row_id: id },
          { ...row, row_id: id, inputs: { q: 2 } },
        ],
      },
      { results: [row], summary_experiment_scores: [{ key: '' }] },
      { results: [row], summary_experiment_scores: [{ key: 'k', feedback_config: { type: 'x' } }] },
    ]) {
      expect((await upload(h, body)).status, JSON.stringify(body)).toBe(422)
    }
    const deep = `{"results":${'['.repeat(1000)}${']'.repeat(1000)}}`
    expect((await h.call('POST', '/datasets/upload-experiment', deep)).status).toBe(422)
    const huge = JSON.stringify({ ...base, results: [row] }).slice(0, -1)
    const metadata = `${huge},"experiment_metadata":{"n":1e999999}}`
    expect((await h.call('POST', '/datasets/upload-experiment', metadata)).status).toBe(422)
    await h.drain()
    expect(await counts(h)).toEqual([0, 0, 0, 0, 0])
    expect(h.errors).toEqual([])
  })

  test('404 for an unknown dataset id without a name', async () => {
    const h = await harness()
    const body = { dataset_name: undefined, dataset_id: randomUUID(), results: [row] }
    const { status, text } = await upload(h, body)
    expect([status, text.includes('not found')]).toEqual([404, true])
    expect(await counts(h)).toEqual([0, 0, 0, 0, 0])
  })

  test('409 for an experiment name that is taken, even in a dataset that would be new', async () => {
    const h = await harness()
    await upload(h, { results: [row] })
    const before = await counts(h)
    expect((await upload(h, { results: [row, { ...row, inputs: {} }] })).status).toBe(409)
    expect((await upload(h, { dataset_name: 'other', results: [row] })).status).toBe(409)
    expect(await counts(h)).toEqual(before)
  })

  test('409 for a row id of an example in another dataset, or a dataset name that is taken', async () => {
    const h = await harness()
    const rowId = randomUUID()
    await upload(h, { results: [{ ...row, row_id: rowId }] })
    const before = await counts(h)
    const foreign = { experiment_name: 'b', results: [{ ...row, row_id: rowId }] }
    expect((await upload(h, { ...foreign, dataset_name: 'other' })).status).toBe(409)
    const named = { experiment_name: 'b', dataset_id: randomUUID(), results: [row] }
    expect((await upload(h, named)).status).toBe(409)
    expect(await counts(h)).toEqual(before)
  })

  test("422 for a row that violates the dataset's schema", async () => {
    const h = await harness()
    const schema = { type: 'object', required: ['q'] }
    await h.call('POST', '/datasets', { name: 'ds', inputs_schema_definition: schema })
    const { status, text } = await upload(h, { results: [row, { ...row, inputs: { other: 1 } }] })
    expect(status).toBe(422)
    expect(text).toContain('"results",1,"inputs"')
    expect(await counts(h)).toEqual([1, 0, 0, 0, 0])
  })

  test("another tenant's dataset is not found by its id, and its names are free", async () => {
    const h = await harness()
    const { body } = await upload(h, { results: [row] })
    const other = await h.addTenant()
    const call = (more: object) =>
      h.callAs(other, 'POST', '/datasets/upload-experiment', { ...base, results: [row], ...more })
    const byId = { dataset_name: undefined, dataset_id: body.dataset.id }
    expect((await call(byId)).status).toBe(404)
    const own = await call({})
    expect(own.status).toBe(200)
    expect(own.body.dataset.id).not.toBe(body.dataset.id)
    expect(own.body.dataset.example_count).toBe(1)
  })
})

test('503 while the queue is unreachable; the next attempt finds the name free', async () => {
  const h = await harness()
  const results = [{ ...times, inputs: { q: 1 } }]
  await h.queue.stop()
  const refused = await upload(h, { results })
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5'])
  await h.queue.start()
  expect((await h.call('GET', '/sessions?name=exp')).body).toEqual([])
  // Nobody works any more on the queue that was stopped.
  const { status, body } = await upload(h, { results }, { prefer: 'wait=0' })
  expect(status).toBe(200)
  expect(body).toMatchObject({ dataset: { example_count: 1 }, experiment: { name: 'exp' } })
})
