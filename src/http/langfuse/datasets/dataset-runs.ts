import { z } from 'zod'
import type { Db } from '../../../store/pool.ts'
import { datasetFindByName, type Dataset } from '../../../store/read/datasets/datasets.ts'
import {
  experimentCountOfDataset,
  experimentFindOfDataset,
  experimentListOfDataset,
} from '../../../store/read/experiments/dataset-experiments.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import {
  runItemList,
  runItemListAfter,
  type RunItemRow,
} from '../../../store/read/experiments/run-items.ts'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { answerOf } from '../../documented-answers.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { streamList } from '../json-stream.ts'
import { messageAnswer, metaOf, offsetOf, page, pageOf, text } from '../requests.ts'
import { datasetRunAnswer, datasetRunFromRow } from './dataset-from-row.ts'
import { datasetRunItemAnswer, datasetRunItemFromRow } from './dataset-run-item-from-row.ts'
import { findDataset } from './find-dataset.ts'

const tags = ['langfuse dataset runs']
const runParams = z.object({ name: text, runName: text })

/** Run items that are read by one query; they are small. */
const pageSize = 1000

/** Runs of a dataset, which are experiments (contracts/langfuse.md 2.4). */
export function datasetRunsRoutes(app: App, services: Services): void {
  const { db, clock } = services

  const listSchema = {
    params: z.object({ name: text }),
    querystring: z.object(page),
    response: { 200: pageOf(datasetRunAnswer) },
    tags,
    summary: 'List the runs of a dataset, newest first',
  }
  app.get('/datasets/:name/runs', { schema: listSchema }, async (request) => {
    const { tenantId } = request.principal
    const { params, query } = request
    const dataset = await findDataset(db, tenantId, params.name)
    const asked = { limit: query.limit, offset: offsetOf(query) }
    const [rows, total] = await Promise.all([
      experimentListOfDataset(db, tenantId, dataset.id, asked),
      experimentCountOfDataset(db, tenantId, dataset.id),
    ])
    return { data: rows.map((row) => datasetRunFromRow(dataset, row)), meta: metaOf(query, total) }
  })

  // The contract has no pages here, so the items are streamed.
  const withItems = datasetRunAnswer.extend({ datasetRunItems: z.array(datasetRunItemAnswer) })
  const getSchema = {
    params: runParams,
    response: { 200: answerOf(200, withItems) },
    tags,
    summary: 'Read a dataset run with its items',
  }
  app.get('/datasets/:name/runs/:runName', { schema: getSchema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { dataset, run } = await findDatasetRun(db, tenantId, request.params)
    const first = await runItemList(db, tenantId, run.id, { limit: pageSize, offset: 0 })
    const next = async (last: RunItemRow) => runItemListAfter(db, tenantId, run.id, last, pageSize)
    const head = datasetRunFromRow(dataset, run)
    const items = streamList(head, 'datasetRunItems', first, next, datasetRunItemFromRow)
    return reply.type('application/json; charset=utf-8').send(items)
  })

  // The run and its items are gone at once; the same name then makes a new run with another id. Traces and scores stay,
  // except those of an experiment by LangSmith's clients, whose traces exist only within it.
  const deleteSchema = {
    params: runParams,
    response: { 200: messageAnswer },
    tags,
    summary: 'Delete a dataset run',
  }
  app.delete('/datasets/:name/runs/:runName', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    const { run } = await findDatasetRun(db, tenantId, request.params)
    const deleted = await experimentDeleteMany(db, tenantId, [run.id], clock.now(), {
      keepsScores: true,
    })
    if (deleted.length === 0) throw notFound('Dataset run not found')
    await nudgePurge(services, tenantId, deleted)
    await services.experimentIds.untilForgotten()
    return { message: 'Dataset run successfully deleted' }
  })
}

/** @throws LangfuseError 404 when there is no such run, or no such dataset */
async function findDatasetRun(
  db: Db,
  tenantId: string,
  { name, runName }: z.output<typeof runParams>,
): Promise<{ dataset: Dataset; run: ExperimentRow }> {
  const dataset = await datasetFindByName(db, tenantId, name)
  const run = dataset && (await experimentFindOfDataset(db, tenantId, dataset.id, runName))
  if (dataset === null || run === null) throw notFound('Dataset run not found')
  return { dataset, run }
}
