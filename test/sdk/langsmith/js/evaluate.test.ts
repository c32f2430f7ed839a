import { evaluateComparative } from 'langsmith/evaluation'
import type { Run } from 'langsmith/schemas'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testsRunOnRedis } from '../../../support/redis.ts'
import { startServer, type RunningServer } from '../server.ts'
import { all, allRunsOf, evaluateOn, ids, image, makeDataset, usage, type Results } from './sums.ts'

/** The evaluations of the npm package `langsmith`, unmodified, against the real process. */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

describe.each(queues)('langsmith on npm, queue in %s', (queue) => {
  let server: RunningServer
  let datasetId: string
  /** Two repetitions, with one wrong answer. */
  let baseline: Results
  /** One of its three runs fails. */
  let candidate: Results

  beforeAll(async () => {
    server = await startServer(queue)
    datasetId = await makeDataset(server)
    baseline = await evaluateOn(server, 'baseline', { isFailing: false, repetitions: 2 })
    candidate = await evaluateOn(server, 'candidate', { isFailing: true, repetitions: 1 })
    await allRunsOf(server, baseline.experimentName, 12)
    await allRunsOf(server, candidate.experimentName, 6)
  })

  afterAll(async () => server.stop())

  test('hasDataset, readDataset and listDatasets find the dataset', async () => {
    const { client } = server
    expect(await client.hasDataset({ datasetName: 'sums' })).toBe(true)
    expect(await client.hasDataset({ datasetName: 'differences' })).toBe(false)
    expect(await client.readDataset({ datasetName: 'sums' })).toMatchObject({
      id: datasetId,
      description: 'additions',
      metadata: { level: 1 },
      example_count: 3,
    })
    const listed = await all(client.listDatasets({ datasetNameContains: 'um' }))
    expect(listed.map((dataset) => dataset.id)).toEqual([datasetId])
  })

  test('examples are returned with metadata, split and the bytes of their attachments', async () => {
    const { client } = server
    const listed = await all(client.listExamples({ datasetId, includeAttachments: true }))
    const byId = new Map(listed.map((example) => [example.id, example]))
    expect(byId.get(ids.one)).toMatchObject({
      inputs: { q: '1+1' },
      outputs: { a: '2' },
      metadata: { level: 'easy', dataset_split: ['train'] },
    })
    const { attachments } = byId.get(ids.two)!
    expect(Object.keys(attachments!)).toEqual(['img', 'a.b'])
    expect(attachments!.img).toMatchObject({ mime_type: 'image/png' })
    const bytes = await fetch(attachments!.img!.presigned_url).then((it) => it.arrayBuffer())
    expect(new Uint8Array(bytes)).toEqual(image)
    const text = await fetch(attachments!['a.b']!.presigned_url).then((it) => it.text())
    expect(text).toBe('héllo')
    const split = await all(client.listExamples({ datasetId, splits: ['test'] }))
    expect(split.map((example) => example.id)).toEqual([ids.three])
  })

  test('evaluate() returns what the evaluators returned', () => {
    const scores = baseline.results.map(({ example, evaluationResults }) => [
      example.id,
      evaluationResults.results.map(({ key, score, value }) => [key, score ?? value]),
    ])
    const said = (correct: boolean) => [
      ['correct', correct],
      ['length', 0.123456],
      ['verdict', 'SHORT'],
    ]
    const expected = [ids.one, ids.two, ids.three].map((id) => [id, said(id !== ids.two)])
    expect(sorted(scores)).toEqual(sorted([...expected, ...expected]))
    expect(baseline.summaryResults.results).toMatchObject([{ key: 'accuracy', score: 4 / 6 }])
  })

  test('POST /datasets/{id}/runs shows both experiments value by value', async () => {
    const [a, b] = await Promise.all(
      [baseline, candidate].map(async ({ experimentName }) =>
        server.client.readProject({ projectName: experimentName }),
      ),
    )
    const rows: ComparedRow[] = await server.call('POST', `/datasets/${datasetId}/runs`, {
      session_ids: [a!.id, b!.id],
      limit: 100,
    })
    const shown = new Map(rows.map((row) => [row.id, row]))
    expect(shown.size).toBe(3)
    for (const [id, inputs, reference, answer] of [
      [ids.one, { q: '1+1' }, { a: '2' }, '2'],
      [ids.two, { q: '2+2' }, { a: '4' }, 'four'],
      [ids.three, { q: '3+3' }, { a: '6' }, '6'],
    ] as const) {
      const row = shown.get(id)!
      expect([row.inputs, row.outputs]).toEqual([inputs, reference])
      const ofBaseline = row.runs.filter((run) => run.session_id === a!.id)
      const ofCandidate = row.runs.filter((run) => run.session_id === b!.id)
      expect([ofBaseline.length, ofCandidate.length]).toEqual([2, 1])
      for (const run of ofBaseline) {
        expect(run).toMatchObject(scored(inputs, { a: answer }, id !== ids.two))
        expect(run.error).toBeNull()
      }
      if (id === ids.three) {
        expect(ofCandidate[0]).toMatchObject({ inputs, outputs: null, status: 'error' })
        expect(ofCandidate[0]!.error).toMatch(/^Error: boom/)
        expect(ofCandidate[0]!.feedback_stats.correct).toEqual({ n: 1, avg: 0, values: {} })
      } else {
        expect(ofCandidate[0]).toMatchObject(scored(inputs, { a: answer }, id !== ids.two))
      }
    }
    const ran = baseline.results.map(({ run }) => run.id)
    const stored = rows.flatMap(({ runs }) => runs).filter((run) => run.session_id === a!.id)
    expect(stored.map((run) => run.id).toSorted()).toEqual(ran.toSorted())
  })

  test('readProject with statistics sums up the experiment', async () => {
    const { client } = server
    const project = await client.readProject({
      projectName: baseline.experimentName,
      includeStats: true,
    })
    expect(project).toMatchObject({
      reference_dataset_id: datasetId,
      run_count: 6,
      error_rate: 0,
      total_tokens: 30,
      prompt_tokens: 18,
      completion_tokens: 12,
      feedback_stats: {
        correct: { n: 6, avg: 0.6666666666666666 },
        length: { n: 6, avg: 0.1235 },
        verdict: { n: 6, values: { SHORT: 6 } },
      },
      session_feedback_stats: { accuracy: { n: 1, avg: 0.6667 } },
    })
    expect(Number((project as { total_cost?: unknown }).total_cost)).toBe(0.000018)
    const failed = await client.readProject({
      projectName: candidate.experimentName,
      includeStats: true,
    })
    expect(failed).toMatchObject({ run_count: 3, error_rate: 0.3333333333333333 })
    const listed = await all(client.listProjects({ referenceDatasetId: datasetId }))
    expect(sorted(listed.map((it) => it.name))).toEqual(
      sorted([baseline.experimentName, candidate.experimentName]),
    )
  })

  test('listRuns filters by status, feedback, name, type and time', async () => {
    const { client } = server
    const projectName = candidate.experimentName
    const namesOf = async (filters: Partial<Parameters<typeof client.listRuns>[0]>) =>
      (await all(client.listRuns({ projectName, ...filters })))
        .map((run) => `${run.name} ${run.inputs.q}`)
        .toSorted()
    expect(await namesOf({ filter: 'eq(status, "error")' })).toEqual(['model 3+3', 'target 3+3'])
    expect(await namesOf({ error: true, isRoot: true })).toEqual(['target 3+3'])
    const correct = 'and(eq(feedback_key, "correct"), eq(feedback_score, 1))'
    expect(await namesOf({ filter: correct })).toEqual(['target 1+1'])
    expect(await namesOf({ runType: 'llm', filter: 'has(tags, "x")' })).toEqual([])
    expect(await namesOf({ runType: 'llm' })).toEqual(['model 1+1', 'model 2+2', 'model 3+3'])
    expect(await namesOf({ filter: 'and(eq(name, "model"), gt(total_tokens, 4))' })).toEqual([
      'model 1+1',
      'model 2+2',
    ])
    expect(
      await namesOf({ isRoot: true, treeFilter: 'eq(run_type, "llm")', limit: 2 }),
    ).toHaveLength(2)
    expect(await namesOf({ startTime: new Date(Date.now() + 60_000) })).toEqual([])
    expect(await namesOf({ referenceExampleId: ids.two })).toEqual(['target 2+2'])
  })

  test('the v2 resources page through runs and through compared examples', async () => {
    const { client } = server
    const { id } = await client.readProject({ projectName: baseline.experimentName })
    const runs = await all(
      client.runs.query({
        project_ids: [id],
        is_root: true,
        page_size: 4,
        selects: ['ID', 'NAME', 'INPUTS', 'OUTPUTS', 'TOTAL_TOKENS'],
      }),
    )
    expect(sorted(runs.map((run) => run.id))).toEqual(
      sorted(baseline.results.map(({ run }) => run.id)),
    )
    expect(runs[0]).toMatchObject({ name: 'target', total_tokens: 5 })
    const compared = await all(
      client.datasets.experimentRuns.query(datasetId, {
        experiment_ids: [id],
        page_size: 2,
        selects: ['ID', 'OUTPUTS'],
        sort: { by: 'feedback.correct', order: 'ASC' },
      }),
    )
    expect(compared.map((row) => row.id)[0]).toBe(ids.two)
    expect(sorted(compared.map((row) => row.id))).toEqual(sorted(Object.values(ids)))
    expect(compared[0]).toMatchObject({ runs: [{ outputs: { a: 'four' } }, {}] })
    const one = await client.runs.retrieve(baseline.results[0]!.run.id, {
      project_id: id,
      selects: ['ID', 'NAME'],
    })
    expect(one).toMatchObject({ id: baseline.results[0]!.run.id, name: 'target' })
  })

  test('readRun loads the tree below a run', async () => {
    const { client } = server
    const root = candidate.results.find(({ example }) => example.id === ids.one)!.run
    const run = await client.readRun(root.id, { loadChildRuns: true })
    expect(run).toMatchObject({ name: 'target', run_type: 'chain', outputs: { a: '2' } })
    expect(run.child_runs).toMatchObject([
      { name: 'model', run_type: 'llm', parent_run_id: run.id, outputs: { usage_metadata: usage } },
    ])
    expect(run.child_runs![0]!.dotted_order!.startsWith(`${run.dotted_order}.`)).toBe(true)
  })

  test('evaluateComparative stores a preference for each compared run', async () => {
    const names = [baseline.experimentName, candidate.experimentName]
    const compared = await evaluateComparative(names, {
      client: server.client,
      evaluators: [
        ({ runs }: { runs: Run[] }) => ({
          key: 'preferred',
          scores: Object.fromEntries(runs.map((run) => [run.id, run.error ? 0 : 1])),
        }),
      ],
    })
    expect(compared.results).toHaveLength(3)
    const scores = Object.assign({}, ...compared.results.map((result) => result.scores)) as object
    const projects = await Promise.all(
      names.map(async (projectName) => server.client.readProject({ projectName })),
    )
    const rows = await server.call('POST', `/datasets/${datasetId}/runs`, {
      session_ids: projects.map((project) => project.id),
      comparative_experiment_id: compared.comparativeExperiment.id,
    })
    const preferred = (rows as ComparedRow[])
      .flatMap((row) => row.runs)
      .flatMap(({ id, feedbacks }) => feedbacks.map(({ key, score }) => [id, key, score]))
    expect(sorted(preferred.filter(([, key]) => key === 'preferred'))).toEqual(
      sorted(Object.entries(scores).map(([id, score]) => [id, 'preferred', score])),
    )
    expect(sorted(Object.values(scores))).toEqual(sorted([0, 1, 1, 1, 1, 1, 1, 1, 1]))
  })

  test('feedback is created, read, changed, listed and deleted', async () => {
    const { client } = server
    const runId = baseline.results[0]!.run.id
    const created = await client.createFeedback(runId, 'user_score', {
      score: 0.9877,
      comment: 'good',
      sourceInfo: { by: 'me' },
    })
    await client.createFeedback(runId, 'note', {
      score: true,
      value: { a: 1 },
      correction: { b: 2 },
    })
    await client.updateFeedback(created.id, { score: 0.5, comment: 'edited' })
    expect(await client.readFeedback(created.id)).toMatchObject({
      run_id: runId,
      key: 'user_score',
      score: 0.5,
      comment: 'edited',
      feedback_source: { type: 'api', metadata: { by: 'me' } },
    })
    const listed = await all(client.listFeedback({ runIds: [runId], feedbackSourceTypes: ['api'] }))
    const own = listed.filter(({ key }) => key === 'user_score' || key === 'note')
    expect(
      sorted(own.map(({ key, score, value, correction }) => [key, score, value, correction])),
    ).toEqual(
      sorted([
        ['note', true, { a: 1 }, { b: 2 }],
        ['user_score', 0.5, null, null],
      ]),
    )
    await client.deleteFeedback(created.id)
    await expect(client.readFeedback(created.id)).rejects.toThrow(/404/)
    const left = await all(client.listFeedback({ runIds: [runId], feedbackKeys: ['user_score'] }))
    expect(left).toEqual([])
  })

  test('updateExamples changes one version, and an experiment keeps the one it saw', async () => {
    const { client } = server
    const before = await client.readExample(ids.two)
    await client.updateExamples([
      {
        id: ids.two,
        dataset_id: datasetId,
        outputs: { a: 'four' },
        attachments_operations: { retain: ['img'], rename: { 'a.b': 'c' } },
      },
      { id: ids.three, dataset_id: datasetId, split: 'late', metadata: { level: 'hard' } },
    ])
    const after = await client.readExample(ids.two)
    expect([after.inputs, after.outputs]).toEqual([{ q: '2+2' }, { a: 'four' }])
    expect(Object.keys(after.attachments!).toSorted()).toEqual(['c', 'img'])
    expect(await client.readExample(ids.three)).toMatchObject({
      outputs: { a: '6' },
      metadata: { level: 'hard', dataset_split: ['late'] },
    })
    const asOf = await all(
      client.listExamples({ datasetId, asOf: before.modified_at!, exampleIds: [ids.two] }),
    )
    expect(asOf[0]!.outputs).toEqual({ a: '4' })
    const { id } = await client.readProject({ projectName: baseline.experimentName })
    const [row] = await server.call('POST', `/datasets/${datasetId}/runs`, {
      session_ids: [id],
      example_ids: [ids.two],
    })
    expect(row.runs[0].feedback_stats.correct.avg).toBe(0)
  })

  test('the server logged no warning or error', () => {
    expect(server.log()).not.toMatch(/"level":"?(?:error|50)/)
  })
})

interface ComparedRow {
  id: string
  inputs: object
  outputs: object
  runs: (Run & {
    feedback_stats: Record<string, unknown>
    feedbacks: { key: string; score: unknown }[]
  })[]
}

function scored(inputs: object, outputs: object, isCorrect: boolean): object {
  return {
    inputs,
    outputs,
    status: 'success',
    total_tokens: 5,
    prompt_tokens: 3,
    completion_tokens: 2,
    feedback_stats: {
      correct: { n: 1, avg: isCorrect ? 1 : 0 },
      length: { n: 1, avg: 0.1235 },
      verdict: { n: 1, avg: null, values: { SHORT: 1 } },
    },
  }
}

/** Sorts for a comparison that ignores order. */
function sorted(values: unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).toSorted()
}
