import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { experimentRowList } from '../../../src/store/read/experiments/experiment-rows.ts'
import { comparisonRows, feedbackOn, rootRun, second } from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'

interface Row {
  example_id: string
  id: string
  [key: string]: unknown
}

/** Reads all lines of an answer. */
async function read(h: Harness, experiment: string, query = '') {
  const { status, text } = await h.call(
    'GET',
    `/api/runmill/experiments/${encodeURIComponent(experiment)}/rows${query}`,
  )
  expect(status).toBe(200)
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const [head, ...rows] = lines
  return { experiment: head.experiment, rows: rows.slice(0, -1) as Row[], end: rows.at(-1)!.end }
}

async function fixture(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const experiment = await rows.experiment(datasetId, 'nightly/1')
  const first = await rows.example(datasetId, {
    // As a client wrote it: with digits that no number keeps, and on several lines.
    inputs: '{"id": 12345678901234567890,\n "q": "1"}',
    outputs: '{"a": "one"}',
    metadata: '{"area": "billing"}',
  })
  const second_ = await rows.example(datasetId, { splits: ['smoke'] })
  const runs = [
    rootRun(experiment, first, { outputs: '{"a": "uno"}' }),
    rootRun(experiment, first, { outputs: '{"a": "one"}' }),
    rootRun(experiment, second_, { outputs: null, error: '"TimeoutError: 30 s"' }),
  ] as const
  await h.ingest(
    ...runs,
    { ...feedbackOn(runs[0], 'correct', 0) },
    feedbackOn(runs[1], 'correct', 1, { comment: 'Says\nso.' }),
    feedbackOn(runs[1], 'correct', 0.5, { comment: 'Nearly.' }),
    feedbackOn(runs[1], 'tone', null, { valueText: 'polite', value: '"polite"' }),
  )
  return { experiment, first, second: second_, runs, datasetId }
}

describe('200 GET /api/runmill/experiments/{experiment}/rows', () => {
  test('lists every execution with its example, scores and reasons, and how many there are', async () => {
    const h = await harness()
    const f = await fixture(h)
    const { experiment, rows, end } = await read(h, 'nightly/1')
    expect(experiment).toMatchObject({ id: f.experiment, name: 'nightly/1' })
    expect(end).toEqual({ rows: 3, total: 3 })
    const found = rows.find(({ run_id: id }) => id === f.runs[1].id)!
    expect(found).toEqual({
      example_id: f.first,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      run_id: f.runs[1].id,
      trace_id: f.runs[1].id,
      status: 'success',
      error: null,
      start_time: expect.stringMatching(/^2026-01-02T/),
      latency: 2,
      prompt_tokens: null,
      completion_tokens: null,
      total_tokens: null,
      cost: null,
      inputs: '{"id": 12345678901234567890,\n "q": "1"}',
      reference: '{"a": "one"}',
      outputs: '{"a": "one"}',
      splits: ['base'],
      example_metadata: '{"area": "billing"}',
      metadata: null,
      scores: {
        correct: {
          score: 0.75,
          label: null,
          reason: expect.stringMatching(/^(?:Says\nso\.\nNearly\.|Nearly\.\nSays\nso\.)$/),
        },
        tone: { score: null, label: 'polite', reason: null },
      },
    })
    const failed = rows.find(({ run_id: id }) => id === f.runs[2].id)!
    expect(failed).toMatchObject({ status: 'error', error: '"TimeoutError: 30 s"', scores: {} })
    // Repetitions are beside each other.
    expect(new Set(rows.map(({ example_id: id }) => id)).size).toBe(2)
    expect(rows.map(({ example_id: id }) => id)).toEqual(
      rows.map(({ example_id: id }) => id).toSorted(),
    )
  })

  test.each([
    ['?status=error', 1],
    ['?status=success', 2],
    ['?status=pending', 0],
    ['?split=smoke', 1],
    ['?split=smoke&split=base', 3],
    [`?metadata=${encodeURIComponent('{"area":"billing"}')}`, 2],
    [`?metadata=${encodeURIComponent('{"area":"billing"}')}&status=error`, 0],
  ])('selects by %s: %i', async (query, count) => {
    const h = await harness()
    const f = await fixture(h)
    const { rows, end } = await read(h, f.experiment, query)
    expect(rows).toHaveLength(count)
    expect(end).toEqual({ rows: count, total: count })
  })

  test('goes on after a row', async () => {
    const h = await harness()
    const f = await fixture(h)
    const all = await read(h, f.experiment)
    const { example_id: example, id } = all.rows[0]!
    const rest = await read(h, f.experiment, `?after=${example},${id}`)
    expect(rest.rows).toEqual(all.rows.slice(1))
    expect(rest.end).toEqual({ rows: 2, total: 3 })
  })

  test('reads page after page, also where the filter leaves whole pages out', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const datasetId = await rows.dataset()
    const experiment = await rows.experiment(datasetId)
    const example = await rows.example(datasetId)
    const runs = Array.from({ length: 350 }, (_, n) =>
      rootRun(experiment, example, n === 349 ? { error: '"x"' } : {}),
    )
    await h.ingest(...runs)
    const all = await read(h, experiment)
    expect(new Set(all.rows.map(({ run_id: id }) => id))).toEqual(new Set(runs.map(({ id }) => id)))
    expect(all.end).toEqual({ rows: 350, total: 350 })
    expect((await read(h, experiment, '?status=error')).end).toEqual({ rows: 1, total: 1 })
  })

  test('latest, by metadata', async () => {
    const h = await harness()
    const f = await fixture(h)
    await h.db`update experiments set metadata = '{"branch": "main"}' where tenant_id = ${h.tenant.id} and id = ${f.experiment}`
    const rows = comparisonRows(h.db, h.tenant.id)
    const newer = await rows.experiment(f.datasetId)
    await h.db`update experiments set created_at = ${second(500)} where tenant_id = ${h.tenant.id} and id = ${newer}`
    expect((await read(h, 'latest')).experiment.id).toBe(newer)
    const query = `?experiment_metadata=${encodeURIComponent('{"branch":"main"}')}`
    expect((await read(h, 'latest', query)).experiment.id).toBe(f.experiment)
  })
})

test.each(['none', 'latest'])('404 %s, where there is none', async (experiment) => {
  const h = await harness()
  const found = await h.call('GET', `/api/runmill/experiments/${experiment}/rows`)
  expect(found).toMatchObject({
    status: 404,
    body: { error: expect.stringContaining('no experiment') },
  })
})

test.each([
  ['?after=1', 400],
  ['?status=late', 422],
  ['?metadata=x', 422],
])('%s: %i', async (query, status) => {
  const h = await harness()
  const f = await fixture(h)
  const found = await h.call('GET', `/api/runmill/experiments/${f.experiment}/rows${query}`)
  expect(found).toMatchObject({ status, body: { error: expect.any(String) } })
})

test('pages are shorter where payloads are large, and nothing is lost', async () => {
  const h = await harness()
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const [before, after] = [await rows.experiment(datasetId), await rows.experiment(datasetId)]
  // Nothing makes it smaller.
  const large = () => JSON.stringify(randomBytes(2_300_000).toString('base64'))
  const examples: string[] = []
  for (let i = 0; i < 3; i++) examples.push(await rows.example(datasetId, { inputs: large() }))
  await h.ingest(...[before, after].flatMap((id) => examples.map((each) => rootRun(id, each))))
  const page = { after: null, limit: 100 }
  expect(await experimentRowList(h.db, h.tenant.id, before, {}, page)).toHaveLength(2)
  expect((await read(h, before)).end).toEqual({ rows: 3, total: 3 })

  const asked = { candidates: [after], baseline: before, summary: false }
  const compare = async (more: object): Promise<string[][]> => {
    const { body } = await h.call('POST', '/api/runmill/compare', { ...asked, ...more })
    const ids = body.rows.map(({ example_id: id }: { example_id: string }) => id)
    return body.next_cursor === null
      ? [ids]
      : [ids, ...(await compare({ cursor: body.next_cursor }))]
  }
  const pages = await compare({})
  expect(pages.map(({ length }) => length)).toEqual([2, 1])
  expect(pages.flat().toSorted()).toEqual(examples.toSorted())

  const runs = Array.from({ length: 3 }, () => rootRun(before, examples[0]!, { outputs: large() }))
  await h.ingest(...runs)
  const url = `/api/runmill/experiments/${before}/examples/${examples[0]!}`
  const { body } = await h.call('GET', url)
  expect(body.executions.length).toBeGreaterThanOrEqual(2)
  expect(body.executions.length).toBeLessThan(4)
  expect(body.has_more_executions).toBe(true)
})
