import type { ExperimentResult } from '@langfuse/client'
import { startObservation } from '@langfuse/tracing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testsRunOnRedis } from '../../../support/redis.ts'
import { startServer, type RunningServer } from '../../langsmith/server.ts'
import { startSdk, type Sdk } from './sdk.ts'
import {
  accuracy,
  byName,
  cost,
  datasetName,
  evaluators,
  eventually,
  itemIds,
  makeDataset,
  task,
  usage,
} from './sums.ts'

/** Datasets and experiments of the npm package `@langfuse/client`, unmodified, against the real process. */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

const expected = [
  { id: itemIds[0], q: '1+1', reference: '2', answer: '2', correct: 1 },
  { id: itemIds[1], q: '2+2', reference: '4', answer: 'four', correct: 0 },
  { id: itemIds[2], q: '3+3', reference: '6', answer: '6', correct: 1 },
]
const since = new Date(Date.now() - 60_000).toISOString()

describe.each(queues)('@langfuse/client, queue in %s', (queue) => {
  let server: RunningServer
  let sdk: Sdk
  let version: string
  let run: ExperimentResult
  let local: ExperimentResult
  let versioned: ExperimentResult

  beforeAll(async () => {
    server = await startServer(queue)
    sdk = startSdk(server)
    const { langfuse } = sdk
    ;({ version } = await makeDataset(sdk))
    const dataset = await langfuse.dataset.get(datasetName)
    const common = { task, evaluators, runEvaluators: [accuracy] }
    run = await dataset.runExperiment({
      ...common,
      name: 'baseline',
      runName: 'run A/1 100%',
      description: 'first try',
      metadata: { model: 'm-1', settings: { t: 0 } },
      maxConcurrency: 2,
    })
    const old = await langfuse.dataset.get(datasetName, { version })
    versioned = await old.runExperiment({ ...common, name: 'old', runName: 'run of a version' })
    local = await langfuse.experiment.run({
      ...common,
      name: 'local',
      data: [
        { input: { q: '1+1' }, expectedOutput: { a: '2' }, metadata: { from: 'here' } },
        { input: { q: '2+2' } },
      ],
    })
    await sdk.flush()
    const results = [run, versioned, local].flatMap(({ itemResults }) => itemResults)
    for (const { traceId } of results) {
      await eventually(
        async () => langfuse.api.trace.get(traceId!),
        ({ observations, scores, output }) =>
          observations.length === 2 && scores.length === 4 && output !== null,
      )
    }
    await eventually(
      async () => langfuse.api.scores.getMany({ name: 'accuracy' }),
      ({ data }) => data.length === 2,
    )
  })

  afterAll(async () => {
    await sdk.stop()
    await server.stop()
  })

  /** Returns the row of `expected` and the result that answer a question. */
  function results(of: ExperimentResult = run) {
    return expected.map((row) => {
      const result = of.itemResults.find(({ item }) => item.input.q === row.q)!
      return { ...row, traceId: result.traceId!, result }
    })
  }

  test('datasets and items read back under names with slashes, blanks and percent signs', async () => {
    const { langfuse } = sdk
    const dataset = await langfuse.dataset.get(datasetName, { fetchItemsPageSize: 2 })
    expect(dataset).toMatchObject({
      name: datasetName,
      description: 'additions',
      metadata: { level: 1, inner: { a: [1, null] } },
    })
    // Newest first. The first item was changed last.
    expect(dataset.items.map(({ id }) => id)).toEqual([itemIds[0], itemIds[2], itemIds[1]])
    for (const { id, q, reference } of expected) {
      const item = {
        id,
        status: 'ACTIVE',
        input: { q },
        expectedOutput: { a: reference },
        metadata: { from: id },
        datasetId: dataset.id,
        datasetName,
      }
      expect(dataset.items.find((it) => it.id === id)).toMatchObject(item)
      expect(await langfuse.api.datasetItems.get(id)).toMatchObject(item)
    }
    const other = await langfuse.api.datasets.create({ name: '100% sure' })
    expect(await langfuse.api.datasets.get('100% sure')).toEqual(other)
    expect((await langfuse.dataset.get('100% sure')).items).toEqual([])
    const { data } = await langfuse.api.datasets.list({ limit: 10 })
    expect(data.map(({ name }) => name)).toEqual(['100% sure', datasetName])
    await expect(langfuse.dataset.get('evals')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('a version of the dataset contains the items as they were, and its experiment links to them', async () => {
    const { langfuse } = sdk
    const old = await langfuse.dataset.get(datasetName, { version })
    expect(old.items.map(({ id, expectedOutput }) => [id, expectedOutput])).toEqual([
      [itemIds[2], { a: '6' }],
      [itemIds[1], { a: '4' }],
      [itemIds[0], { a: 'two' }],
    ])
    const { data } = await langfuse.api.experiments.listItems({
      fromStartTime: since,
      experimentId: versioned.experimentId,
      fields: 'core,dataset,io',
    })
    const first = data.find(({ experimentItemId }) => experimentItemId === itemIds[0])
    expect(first).toMatchObject({ expectedOutput: { a: 'two' }, output: { a: '2' } })
    expect(first!.experimentItemVersion! <= version).toBe(true)
    expect(versioned.runEvaluations).toMatchObject([{ name: 'accuracy', value: 1 / 3 }])
  })

  test('runExperiment returns what tasks and evaluators returned, and where to look at it', async () => {
    expect(run.runName).toBe('run A/1 100%')
    expect(run.itemResults).toHaveLength(3)
    for (const { result, answer, correct } of results()) {
      expect(result.output).toEqual({ a: answer })
      expect(result.datasetRunId).toBe(run.datasetRunId)
      expect(result.evaluations.map(({ name, value }) => [name, value])).toEqual([
        ['correct', correct],
        ['length', answer.length / 8],
        ['verdict', 'SHORT'],
        ['note', `said ${answer}`],
      ])
    }
    expect(run.experimentId).toBe(run.datasetRunId)
    expect(run.runEvaluations).toMatchObject([{ name: 'accuracy', value: 2 / 3 }])
    const { id } = await sdk.langfuse.api.datasets.get(datasetName)
    const project = `${server.url}/project/${server.tenant.id}`
    expect(run.datasetRunUrl).toBe(`${project}/datasets/${id}/runs/${run.datasetRunId}`)
    expect(await run.format({ includeItemResults: true })).toContain(run.datasetRunUrl)
  })

  test('the run and its items read back by name, as a list and page by page', async () => {
    const { api } = sdk.langfuse
    const dataset = await api.datasets.get(datasetName)
    const shown = {
      id: run.datasetRunId!,
      name: 'run A/1 100%',
      description: 'first try',
      metadata: { model: 'm-1', settings: { t: 0 } },
      datasetId: dataset.id,
      datasetName,
    }
    const read = await api.datasets.getRun(datasetName, 'run A/1 100%')
    expect(read).toMatchObject(shown)
    const links = read.datasetRunItems
    expect(links).toHaveLength(3)
    for (const { id, traceId } of results()) {
      const link = links.find(({ datasetItemId }) => datasetItemId === id)!
      const { observations } = await api.trace.get(traceId)
      const root = observations.find(({ parentObservationId }) => parentObservationId === null)!
      expect(link).toMatchObject({
        datasetRunId: run.datasetRunId,
        datasetRunName: 'run A/1 100%',
        traceId,
        observationId: root.id,
      })
    }
    const { data: runs } = await api.datasets.getRuns(datasetName, { limit: 10 })
    expect(runs.map(({ name }) => name)).toEqual(['run of a version', 'run A/1 100%'])
    expect(runs[1]).toMatchObject(shown)
    const pages = await Promise.all(
      [1, 2].map(async (page) =>
        api.datasetRunItems.list({
          datasetId: dataset.id,
          runName: 'run A/1 100%',
          page,
          limit: 2,
        }),
      ),
    )
    expect(pages.flatMap(({ data }) => data)).toEqual(links)
    expect(pages[1]!.meta).toEqual({ page: 2, limit: 2, totalItems: 3, totalPages: 2 })
  })

  test('each trace holds input, output, usage, cost and scores', async () => {
    for (const { id, q, answer, correct, traceId } of results()) {
      const trace = await sdk.langfuse.api.trace.get(traceId)
      expect(trace).toMatchObject({
        id: traceId,
        name: 'experiment-item-run',
        environment: 'sdk-experiment',
        input: { q },
        output: { a: answer },
        metadata: {
          from: id,
          model: 'm-1',
          settings: { t: 0 },
          experiment_name: 'baseline',
          experiment_run_name: 'run A/1 100%',
          dataset_item_id: id,
        },
        totalCost: cost.total,
      })
      const observations = byName(trace.observations)
      const root = observations.get('experiment-item-run')!
      expect(root).toMatchObject({
        type: 'SPAN',
        parentObservationId: null,
        input: { q },
        output: { a: answer },
      })
      expect(observations.get('model')).toMatchObject({
        type: 'GENERATION',
        traceId,
        parentObservationId: root.id,
        input: [{ role: 'user', content: q }],
        output: { role: 'assistant', content: answer },
        model: 'm-1',
        modelParameters: { temperature: 0 },
        usageDetails: usage,
        costDetails: cost,
        usage: { input: 3, output: 2, total: 5, unit: 'TOKENS' },
        promptTokens: 3,
        completionTokens: 2,
        totalTokens: 5,
        calculatedTotalCost: cost.total,
        level: 'DEFAULT',
      })
      const scores = byName(trace.scores)
      const common = { traceId, observationId: root.id, source: 'API' }
      expect(scores.get('correct')).toMatchObject({
        ...common,
        dataType: 'BOOLEAN',
        value: correct,
        stringValue: correct === 1 ? 'True' : 'False',
        comment: 'compared',
      })
      expect(scores.get('length')).toMatchObject({
        ...common,
        dataType: 'NUMERIC',
        value: answer.length / 8,
        metadata: { unit: 'bytes' },
      })
      expect(scores.get('verdict')).toMatchObject({
        ...common,
        dataType: 'CATEGORICAL',
        stringValue: 'SHORT',
      })
      expect(scores.get('note')).toMatchObject({
        ...common,
        dataType: 'TEXT',
        stringValue: `said ${answer}`,
      })
    }
  })

  test('the score of the run belongs to the run, in v2 and in v3', async () => {
    const { api } = sdk.langfuse
    const { datasetRunId } = run
    const { data } = await api.scores.getMany({ datasetRunId: datasetRunId! })
    expect(data).toMatchObject([
      { name: 'accuracy', value: 2 / 3, comment: 'of the run', datasetRunId, traceId: null },
    ])
    const v3 = await api.scoresV3.getManyV3({
      experimentId: datasetRunId!,
      fields: 'core,details,subject',
    })
    expect(v3.data).toMatchObject([
      {
        id: data[0]!.id,
        name: 'accuracy',
        value: 2 / 3,
        dataType: 'NUMERIC',
        comment: 'of the run',
        subject: { kind: 'experiment', id: datasetRunId },
      },
    ])
  })

  test('experiments list runs on datasets and on local data, with their scores', async () => {
    const { api } = sdk.langfuse
    const { id: datasetId } = await api.datasets.get(datasetName)
    const { data } = await api.experiments.list({
      fromStartTime: since,
      fields: 'core,metadata,scores',
    })
    const shown = new Map(data.map((experiment) => [experiment.id, experiment]))
    expect(shown.size).toBe(3)
    expect(shown.get(run.experimentId)).toMatchObject({
      name: 'run A/1 100%',
      description: 'first try',
      itemCount: 3,
      datasetId,
      metadata: { model: 'm-1', settings: { t: 0 } },
      scores: [{ name: 'accuracy', value: 2 / 3 }],
    })
    expect(shown.get(local.experimentId)).toMatchObject({
      name: local.runName,
      itemCount: 2,
      datasetId: null,
    })
    const { data: ofDataset } = await api.experiments.list({ fromStartTime: since, datasetId })
    expect(ofDataset.map(({ id }) => id).toSorted()).toEqual(
      [run.experimentId, versioned.experimentId].toSorted(),
    )
  })

  test('experiment items show inputs, outputs, references and scores', async () => {
    const { api } = sdk.langfuse
    const fields = 'core,dataset,io,metadata,itemMetadata,experimentMetadata,scores'
    const { data } = await api.experiments.listItems({
      fromStartTime: since,
      experimentId: run.experimentId,
      fields,
    })
    expect(data).toHaveLength(3)
    for (const { id, q, reference, answer, traceId } of results()) {
      const item = data.find(({ experimentItemId }) => experimentItemId === id)!
      expect(item).toMatchObject({
        traceId,
        level: 'DEFAULT',
        environment: 'sdk-experiment',
        experimentName: 'run A/1 100%',
        input: { q },
        output: { a: answer },
        expectedOutput: { a: reference },
        experimentItemMetadata: { from: id },
        experimentMetadata: { model: 'm-1', settings: { t: 0 } },
        experimentDescription: 'first try',
      })
      expect(item.scores!.map(({ name }) => name).toSorted()).toEqual([
        'correct',
        'length',
        'note',
        'verdict',
      ])
    }
    const { data: items } = await api.experiments.listItems({
      fromStartTime: since,
      experimentName: local.runName,
      fields,
    })
    expect(items).toHaveLength(2)
    for (const { item, traceId } of local.itemResults) {
      expect(items.find((it) => it.traceId === traceId)).toMatchObject({
        experimentId: local.experimentId,
        experimentDatasetId: null,
        input: item.input,
        expectedOutput: item.expectedOutput ?? null,
      })
    }
  })

  test("item.link adds a run item of one's own, and deleted ones are gone", async () => {
    const { langfuse } = sdk
    const { api } = langfuse
    const { items } = await langfuse.dataset.get(datasetName)
    const item = items.find(({ id }) => id === itemIds[1])!
    const span = startObservation('by hand', { input: { q: '2+2' }, output: 4 })
    span.end()
    await item.link(span, 'by hand', { description: 'linked', metadata: { k: 1 } })
    const linked = await api.datasets.getRun(datasetName, 'by hand')
    expect(linked).toMatchObject({ description: 'linked', metadata: { k: 1 } })
    expect(linked.datasetRunItems).toMatchObject([
      { datasetItemId: itemIds[1], traceId: span.traceId, observationId: span.id },
    ])
    await api.datasets.deleteRun(datasetName, 'by hand')
    await expect(api.datasets.getRun(datasetName, 'by hand')).rejects.toMatchObject({
      statusCode: 404,
    })
    await api.datasetItems.delete(itemIds[1])
    await expect(api.datasetItems.get(itemIds[1])).rejects.toMatchObject({ statusCode: 404 })
    const kept = await api.datasets.getRun(datasetName, 'run A/1 100%')
    expect(kept.datasetRunItems).toHaveLength(3)
    expect((await langfuse.dataset.get(datasetName)).items).toHaveLength(2)
  })

  test('the server logged no warning or error', () => {
    expect(server.log()).not.toMatch(/"level":"?(?:error|50)/)
  })
})
