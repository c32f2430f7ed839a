import { randomUUID } from 'node:crypto'
import { evaluate } from 'langsmith/evaluation'
import { traceable } from 'langsmith/traceable'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testsRunOnRedis } from '../../support/redis.ts'
import { all } from '../langsmith/js/sums.ts'
import { startServer, type RunningServer } from '../langsmith/server.ts'
import { startSdk, type Sdk } from './js/sdk.ts'
import {
  accuracy,
  cost,
  datasetName,
  evaluators,
  eventually,
  itemIds,
  makeDataset,
  task,
  usage,
} from './js/sums.ts'

/** Reads what one vendor's SDK wrote through the other vendor's protocol. */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

/** A field, what was written to it, and where the other side shows it. */
type Table = readonly (readonly [field: string, written: unknown, read: (row: Row) => unknown])[]
// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Row = any

function expectTable(table: Table, row: Row): void {
  const shown = table.map(([field, , read]) => [field, read(row)])
  expect(shown).toEqual(table.map(([field, written]) => [field, written]))
}

describe.each(queues)('cross-reading, queue in %s', (queue) => {
  let server: RunningServer
  let sdk: Sdk

  beforeAll(async () => {
    server = await startServer(queue)
    sdk = startSdk(server)
  })

  afterAll(async () => {
    await sdk.stop()
    await server.stop()
  })

  test('an experiment of @langfuse/client can be read by POST /api/v1/datasets/{id}/runs', async () => {
    await makeDataset(sdk)
    const dataset = await sdk.langfuse.dataset.get(datasetName)
    const run = await dataset.runExperiment({
      name: 'baseline',
      runName: 'baseline',
      metadata: { model: 'm-1' },
      task,
      evaluators,
      runEvaluators: [accuracy],
    })
    await sdk.flush()
    const body = { session_ids: [run.datasetRunId], limit: 100 }
    const rows = await eventually(
      async () => server.call('POST', `/api/v1/datasets/${dataset.id}/runs`, body),
      (answer: Row[]) =>
        answer.length === 3 &&
        answer.every(
          ({ runs: [it] }) =>
            it?.total_tokens === 5 &&
            it.outputs !== null &&
            Object.keys(it.feedback_stats).length === 4,
        ),
    )
    const { datasetRunItems } = await sdk.langfuse.api.datasets.getRun(datasetName, 'baseline')
    for (const item of dataset.items as Row[]) {
      const { output, traceId } = run.itemResults.find(
        (result) => (result.item as Row).id === item.id,
      )!
      const link = datasetRunItems.find(({ datasetItemId }) => datasetItemId === item.id)!
      const row = rows.find(({ inputs }: Row) => inputs.q === item.input.q)
      const { observations } = await sdk.langfuse.api.trace.get(traceId!)
      const root = observations.find(({ id }) => id === link.observationId)!
      const isCorrect = output.a === item.expectedOutput.a
      const feedback = await all(server.client.listFeedback({ runIds: [row.runs[0].id] }))
      const score = (name: string) => () => {
        const found = feedback.find(({ key }) => key === name)!
        return { score: found.score, value: found.value, comment: found.comment }
      }
      const table: Table = [
        // Langfuse: item of the dataset              LangSmith: example
        ['datasetId', dataset.id, (it) => it.dataset_id],
        ['input', item.input, (it) => it.inputs],
        ['expectedOutput', item.expectedOutput, (it) => it.outputs],
        ['metadata', { ...item.metadata, dataset_split: ['base'] }, (it) => it.metadata],
        // Langfuse: run item, trace, observation      LangSmith: run
        ['run items', 1, (it) => it.runs.length],
        ['datasetRunId', run.datasetRunId, (it) => it.runs[0].session_id],
        ['datasetItemId', row.id, (it) => it.runs[0].reference_example_id],
        ['name', root.name, (it) => it.runs[0].name],
        ['trace.input', item.input, (it) => it.runs[0].inputs],
        ['trace.output', output, (it) => it.runs[0].outputs],
        ['level', 'success', (it) => it.runs[0].status],
        ['startTime', Date.parse(root.startTime), (it) => time(it.runs[0].start_time)],
        ['endTime', Date.parse(root.endTime!), (it) => time(it.runs[0].end_time)],
        ['usage.input', usage.input, (it) => it.runs[0].prompt_tokens],
        ['usage.output', usage.output, (it) => it.runs[0].completion_tokens],
        ['usage.total', usage.total, (it) => it.runs[0].total_tokens],
        ['cost.input', cost.input, (it) => Number(it.runs[0].prompt_cost)],
        ['cost.output', cost.output, (it) => Number(it.runs[0].completion_cost)],
        ['totalCost', cost.total, (it) => Number(it.runs[0].total_cost)],
        // Langfuse: score                             LangSmith: feedback
        ['BOOLEAN score', { score: isCorrect, value: null, comment: 'compared' }, score('correct')],
        [
          'NUMERIC score',
          { score: output.a.length / 8, value: null, comment: null },
          score('length'),
        ],
        ['CATEGORICAL score', { score: null, value: 'SHORT', comment: null }, score('verdict')],
        ['TEXT score', { score: null, value: `said ${output.a}`, comment: null }, score('note')],
        [
          'statistics',
          { n: 1, avg: isCorrect ? 1 : 0, values: {} },
          (it) => it.runs[0].feedback_stats.correct,
        ],
      ]
      expectTable(table, row)
    }
    const session = await server.call(
      'GET',
      `/api/v1/sessions/${run.datasetRunId}?include_stats=true`,
    )
    expectTable(
      [
        ['name', 'baseline', (it) => it.name],
        ['datasetId', dataset.id, (it) => it.reference_dataset_id],
        ['metadata', 'm-1', (it) => it.extra.metadata.model],
        ['run items', itemIds.length, (it) => it.run_count],
        ['usage.total', 3 * usage.total, (it) => it.total_tokens],
        ['totalCost', 0.000009, (it) => Number(it.total_cost)],
        ['score of the run', '0.666667', (it) => it.session_feedback_stats.accuracy.avg.toFixed(6)],
      ],
      session,
    )
  })

  test('evaluate() of langsmith can be read by Langfuse’s run items, traces, scores and experiments', async () => {
    const { client } = server
    const { api } = sdk.langfuse
    const name = `langsmith/sums 100% ${randomUUID()}`
    const dataset = await client.createDataset(name, { description: 'additions' })
    const sums = ['1+1', '2+2']
    const examples = await client.createExamples(
      sums.map((q) => ({ dataset_id: dataset.id, inputs: { q }, outputs: { a: q } })),
    )
    const model = traceable(
      async ({ q }: { q: string }) => ({
        said: q,
        usage_metadata: {
          input_tokens: usage.input,
          output_tokens: usage.output,
          total_tokens: usage.total,
          input_cost: cost.input,
          output_cost: cost.output,
          total_cost: cost.total,
        },
      }),
      { name: 'model', run_type: 'llm', client },
    )
    const experiment = await evaluate(
      async (inputs: { q: string }) => ({ a: (await model(inputs)).said }),
      {
        client,
        data: name,
        experimentPrefix: 'from langsmith',
        metadata: { model: 'm-1' },
        evaluators: [
          () => [
            { key: 'correct', score: true, comment: 'compared' },
            { key: 'length', score: 0.375 },
            { key: 'verdict', value: 'SHORT' },
          ],
        ],
      },
    )
    const runName = experiment.experimentName
    const { id: experimentId } = await client.readProject({ projectName: runName })
    await Promise.all(
      experiment.results.map(async ({ run }) =>
        eventually(
          async () => api.trace.get(run.id),
          ({ observations, scores }) =>
            observations.length === 2 &&
            observations.every(({ endTime }) => endTime !== null) &&
            scores.length === 3,
        ),
      ),
    )
    const { data: links } = await api.datasetRunItems.list({ datasetId: dataset.id, runName })
    const { data: items } = await api.experiments.listItems({
      fromStartTime: new Date(Date.now() - 60_000).toISOString(),
      experimentId,
      fields: 'core,dataset,io,scores',
    })
    expect([links.length, items.length]).toEqual([2, 2])
    for (const { run, example } of experiment.results) {
      const trace = await api.trace.get(run.id)
      const { data: scores } = await api.scores.getMany({ traceId: run.id })
      const row = {
        item: await api.datasetItems.get(example.id),
        link: links.find(({ datasetItemId }) => datasetItemId === example.id),
        executed: items.find(({ experimentItemId }) => experimentItemId === example.id),
        trace,
        root: trace.observations.find(({ parentObservationId }) => parentObservationId === null),
        model: trace.observations.find((observation) => observation.name === 'model'),
      }
      const score = (key: string) => () => {
        const found: Row = scores.find((each) => each.name === key)
        return { dataType: found.dataType, is: found.stringValue ?? found.value }
      }
      const stored = await client.readRun(run.id)
      const table: Table = [
        // LangSmith: example                          Langfuse: item of the dataset
        ['dataset_id', dataset.id, (it) => it.item.datasetId],
        ['dataset name', name, (it) => it.item.datasetName],
        ['example.inputs', example.inputs, (it) => it.item.input],
        ['example.outputs', example.outputs, (it) => it.item.expectedOutput],
        // LangSmith: root run                         Langfuse: run item, trace, observation
        ['session_id', experimentId, (it) => it.link.datasetRunId],
        ['session_name', runName, (it) => it.link.datasetRunName],
        ['trace_id', run.id, (it) => it.link.traceId],
        ['name', stored.name, (it) => it.trace.name],
        ['inputs', example.inputs, (it) => it.trace.input],
        ['outputs', { a: example.inputs.q }, (it) => it.trace.output],
        ['total_cost', cost.total, (it) => it.trace.totalCost],
        ['run_type', 'CHAIN', (it) => it.root.type],
        ['status', 'DEFAULT', (it) => it.root.level],
        ['start_time', time(String(stored.start_time)), (it) => Date.parse(it.root.startTime)],
        ['end_time', time(String(stored.end_time)), (it) => Date.parse(it.root.endTime)],
        // LangSmith: child run                        Langfuse: generation
        ['child run_type', 'GENERATION', (it) => it.model.type],
        ['parent_run_id', run.id, (it) => it.model.parentObservationId],
        ['child inputs', example.inputs, (it) => it.model.input],
        ['child outputs', example.inputs.q, (it) => it.model.output.said],
        ['prompt_tokens', usage.input, (it) => it.model.usageDetails.input],
        ['completion_tokens', usage.output, (it) => it.model.usageDetails.output],
        ['total_tokens', usage.total, (it) => it.model.usage.total],
        ['prompt_cost', cost.input, (it) => it.model.costDetails.input],
        ['completion_cost', cost.output, (it) => it.model.costDetails.output],
        ['child total_cost', cost.total, (it) => it.model.calculatedTotalCost],
        // LangSmith: feedback                         Langfuse: score
        ['boolean feedback', { dataType: 'BOOLEAN', is: 'True' }, score('correct')],
        ['numeric feedback', { dataType: 'NUMERIC', is: 0.375 }, score('length')],
        ['value of feedback', { dataType: 'CATEGORICAL', is: 'SHORT' }, score('verdict')],
        // LangSmith: experiment                       Langfuse: experiment item
        ['session_id of item', experimentId, (it) => it.executed.experimentId],
        ['inputs of item', example.inputs, (it) => it.executed.input],
        ['outputs of item', { a: example.inputs.q }, (it) => it.executed.output],
        ['reference outputs', example.outputs, (it) => it.executed.expectedOutput],
        ['feedback of item', 3, (it) => it.executed.scores.length],
      ]
      expectTable(table, row)
    }
    const { data: experiments } = await api.experiments.list({
      fromStartTime: new Date(Date.now() - 60_000).toISOString(),
      name: runName,
      fields: 'core,metadata',
    })
    expect(experiments).toHaveLength(1)
    expectTable(
      [
        ['id', experimentId, (it) => it.id],
        ['reference_dataset_id', dataset.id, (it) => it.datasetId],
        ['example_count', examples.length, (it) => it.itemCount],
        ['metadata', 'm-1', (it) => it.metadata.model],
      ],
      experiments[0],
    )
    const { metadata } = await api.datasets.getRun(name, runName)
    expect(metadata).toMatchObject({ model: 'm-1' })
  })
})

/** Milliseconds, which is what Langfuse shows. LangSmith's times have no zone: they are UTC. */
function time(text: string): number {
  return Date.parse(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`)
}
