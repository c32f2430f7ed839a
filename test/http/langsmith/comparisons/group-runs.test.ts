import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  rootRun,
  second,
} from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

interface Fixture {
  datasetId: string
  experiments: [string, string]
  /** The last one is the newest. */
  examples: string[]
}

async function fixture(
  h: Harness,
  metadata: (string | null)[] = [null, null, null],
): Promise<Fixture> {
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const experiments: [string, string] = [
    await rows.experiment(datasetId, 'a'),
    await rows.experiment(datasetId, 'b'),
  ]
  const examples: string[] = []
  for (const [i, text] of metadata.entries()) {
    examples.push(await rows.example(datasetId, { createdAt: second(i), metadata: text }))
  }
  return { datasetId, experiments, examples }
}

const model = (name: string) => ({ metadata: { model: JSON.stringify(name) } })

function group(
  h: Harness,
  { datasetId, experiments }: Fixture,
  more: object = {},
): Promise<Answer> {
  return h.call('POST', `/datasets/${datasetId}/group/runs`, {
    session_ids: experiments,
    group_by: 'run_metadata',
    metadata_key: 'model',
    ...more,
  })
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
const idsOf = (things: any[]): string[] => things.map((thing) => thing.id)

describe('200 POST /datasets/{id}/group/runs', () => {
  test('by run metadata: statistics over the runs of each group, in total and per session', async () => {
    const h = await harness()
    const f = await fixture(h)
    const [a, b] = f.experiments
    const [x, y] = f.examples as [string, string]
    const runs = [
      rootRun(a, x, { ...model('gpt'), startTime: second(1), endTime: second(2) }),
      rootRun(a, y, { ...model('gpt'), startTime: second(2), endTime: second(5), error: '"boom"' }),
      rootRun(b, x, { ...model('gpt'), startTime: second(4), endTime: second(5) }),
      rootRun(b, y, { ...model('claude'), startTime: second(5), endTime: second(6) }),
    ]
    await h.ingest(
      ...runs,
      feedbackOn(runs[0]!, 'correct', 1),
      feedbackOn(runs[1]!, 'correct', 0),
      feedbackOn(runs[2]!, 'correct', 1),
      feedbackOn(runs[3]!, 'correct', 0),
    )
    const { status, body } = await group(h, f)
    expect(status).toBe(200)
    const [gpt, claude] = body.groups
    expect(gpt).toMatchObject({
      group_key: 'gpt',
      filter: 'and(eq(is_root, true), and(eq(metadata_key, "model"), eq(metadata_value, "gpt")))',
      example_count: 2,
      count: 3,
      latency_p50: 1,
      min_start_time: second(1),
      max_start_time: second(4),
    })
    expect(gpt.error_rate).toBeCloseTo(1 / 3)
    expect(gpt.feedback_stats.correct.n).toBe(3)
    expect(gpt.feedback_stats.correct.avg).toBeCloseTo(2 / 3)
    expect(gpt.sessions).toMatchObject([
      {
        id: a,
        name: 'a',
        reference_dataset_id: f.datasetId,
        tenant_id: h.tenant.id,
        example_count: 2,
        run_count: 2,
        error_rate: 0.5,
        filter: gpt.filter,
        min_start_time: second(1),
        max_start_time: second(2),
        feedback_stats: { correct: { n: 2, avg: 0.5, values: {} } },
        session_feedback_stats: {},
      },
      { id: b, example_count: 1, run_count: 1, error_rate: 0 },
    ])
    expect(idsOf(gpt.examples)).toEqual([y, x])
    expect(gpt.examples[0]).toMatchObject({ dataset_id: f.datasetId, inputs: {} })
    expect(idsOf(gpt.examples[0].runs)).toEqual([runs[1]!.id])
    expect(idsOf(gpt.examples[1].runs)).toEqual([runs[0]!.id, runs[2]!.id])
    expect(gpt.examples[1].runs[0].feedback_stats.correct.n).toBe(1)
    expect(claude).toMatchObject({ group_key: 'claude', example_count: 1, count: 1 })
    expect(claude.sessions).toMatchObject([
      { id: a, run_count: 0, example_count: 0, error_rate: null, feedback_stats: {} },
      { id: b, run_count: 1 },
    ])
  })

  test('the filter of a group selects its runs in a query of runs', async () => {
    const h = await harness()
    const f = await fixture(h)
    const name = 'a "b" \\ \'c\''
    const runs = f.experiments.map((id) => rootRun(id, f.examples[0]!, model(name)))
    await h.ingest(...runs, rootRun(f.experiments[0], f.examples[1]!, model('other')))
    const { body } = await group(h, f)
    expect(body.groups).toHaveLength(1)
    const { body: examples } = await h.call('POST', `/datasets/${f.datasetId}/runs`, {
      session_ids: f.experiments,
      filters: { [f.experiments[0]]: [body.groups[0].sessions[0].filter] },
    })
    expect(idsOf(examples)).toEqual([f.examples[0]])
  })

  test('by example metadata: splits are included, and numbers stay numbers', async () => {
    const h = await harness()
    const f = await fixture(h, ['{"level":1}', '{"level":2}', '{"level":2}'])
    const runs = f.experiments.flatMap((id) => f.examples.map((example) => rootRun(id, example)))
    await h.ingest(...runs)
    const { body } = await group(h, f, { group_by: 'example_metadata', metadata_key: 'level' })
    expect(
      body.groups.map((one: Record<string, unknown>) => [
        one.group_key,
        one.example_count,
        one.count,
      ]),
    ).toEqual([
      [2, 2, 4],
      [1, 1, 2],
    ])
    expect(body.groups[0].filter).toBe('and(eq(metadata_key, "level"), eq(metadata_value, "2"))')
    expect(idsOf(body.groups[0].examples)).toEqual([f.examples[2], f.examples[1]])
    const { body: filtered } = await h.call(
      'GET',
      `/examples?dataset=${f.datasetId}&filter=${encodeURIComponent(body.groups[1].filter)}`,
    )
    expect(idsOf(filtered)).toEqual([f.examples[0]])
    const bySplit = await group(h, f, {
      group_by: 'example_metadata',
      metadata_key: 'dataset_split',
    })
    expect(bySplit.body.groups).toMatchObject([{ group_key: '["base"]', example_count: 3 }])
  })

  test('only examples that have a shown run in every session count', async () => {
    const h = await harness()
    const f = await fixture(h)
    const [a, b] = f.experiments
    const [x, y, z] = f.examples as [string, string, string]
    await h.ingest(
      rootRun(a, x, model('gpt')),
      rootRun(b, x, model('gpt')),
      rootRun(a, y, model('gpt')),
      rootRun(a, z, { ...model('gpt'), name: 'skip' }),
      rootRun(b, z, model('gpt')),
    )
    const { body } = await group(h, f, { filters: { [a]: ['eq(name, "target")'] } })
    expect(body.groups).toHaveLength(1)
    expect(idsOf(body.groups[0].examples)).toEqual([x])
    expect(body.groups[0].sessions[0].filter).toContain('eq(name, "target")')
  })

  test('runs without a value, or with null, are in no group', async () => {
    const h = await harness()
    const f = await fixture(h)
    const [a, b] = f.experiments
    await h.ingest(
      rootRun(a, f.examples[0]!, { metadata: { model: 'null' } }),
      rootRun(b, f.examples[0]!, { metadata: { other: '1' } }),
    )
    expect((await group(h, f)).body).toEqual({ groups: [] })
  })

  test('groups are paged, the largest first; each shows up to per_group_limit examples', async () => {
    const h = await harness()
    const f = await fixture(h, [null, null, null, null])
    const names = ['one', 'two', 'two', 'two']
    await h.ingest(
      ...f.experiments.flatMap((id) =>
        f.examples.map((example, i) => rootRun(id, example, model(names[i]!))),
      ),
    )
    const { body } = await group(h, f, { limit: 1, per_group_limit: 2, preview: true })
    expect(body.groups).toMatchObject([{ group_key: 'two', example_count: 3 }])
    expect(idsOf(body.groups[0].examples)).toEqual([f.examples[3], f.examples[2]])
    expect(body.groups[0].examples[0].runs[0]).toMatchObject({ inputs: null, outputs: null })
    const next = await group(h, f, { limit: 1, offset: 1 })
    expect(next.body.groups).toMatchObject([{ group_key: 'one' }])
    expect((await group(h, f, { offset: 2 })).body.groups).toEqual([])
  })

  test('a run whose trace is linked as well counts once; each repetition counts', async () => {
    const h = await harness()
    const f = await fixture(h)
    const [a, b] = f.experiments
    const x = f.examples[0]!
    const twice = rootRun(a, x, model('gpt'))
    await h.ingest(
      twice,
      linkEvent(f.datasetId, a, x, twice.id),
      linkEvent(f.datasetId, a, x, twice.id, twice.id),
      rootRun(a, x, model('gpt')),
      rootRun(b, x, model('gpt')),
    )
    expect((await group(h, f)).body.groups).toMatchObject([{ example_count: 1, count: 3 }])
  })

  test('unknown sessions are ignored, as in the ungrouped comparison', async () => {
    const h = await harness()
    const f = await fixture(h)
    await h.ingest(rootRun(f.experiments[0], f.examples[0]!, model('gpt')))
    const { body } = await group(h, f, { session_ids: [f.experiments[0], randomUUID()] })
    expect(body.groups).toMatchObject([{ count: 1, sessions: [{ id: f.experiments[0] }] }])
    expect((await group(h, f, { session_ids: [randomUUID()] })).body).toEqual({ groups: [] })
  })
})

describe('4xx POST /datasets/{id}/group/runs', () => {
  test('404 for an unknown dataset and for another tenant', async () => {
    const h = await harness()
    const f = await fixture(h)
    expect((await group(h, { ...f, datasetId: randomUUID() })).status).toBe(404)
    const other = await h.addTenant()
    const body = { session_ids: f.experiments, group_by: 'run_metadata', metadata_key: 'model' }
    const url = `/datasets/${f.datasetId}/group/runs`
    expect((await h.callAs(other, 'POST', url, body)).status).toBe(404)
  })

  test('422 for malformed input, 400 for a filter that does not parse', async () => {
    const h = await harness()
    const f = await fixture(h)
    for (const wrong of [
      { session_ids: [] },
      { session_ids: ['x'] },
      { session_ids: undefined },
      { group_by: 'name' },
      { group_by: undefined },
      { metadata_key: 1 },
      { metadata_key: undefined },
      { limit: 0 },
      { limit: 101 },
      { offset: -1 },
      { offset: 0.5 },
      { per_group_limit: 0 },
      { per_group_limit: 11 },
      { preview: 'yes' },
      { filters: { x: [] } },
    ]) {
      expect((await group(h, f, wrong)).status, JSON.stringify(wrong)).toBe(422)
    }
    const filters = { [f.experiments[0]]: ['eq(name'] }
    expect((await group(h, f, { filters })).status).toBe(400)
    expect((await group(h, f, { metadata_key: 'a\0\ud800' })).body).toEqual({ groups: [] })
    expect((await h.call('POST', '/datasets/x/group/runs', {})).status).toBe(422)
    expect(h.errors).toEqual([])
  })
})
