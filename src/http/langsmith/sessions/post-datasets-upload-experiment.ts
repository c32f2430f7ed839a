import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { datasetListCounted } from '../../../store/read/datasets/datasets.ts'
import { experimentAggregateListAmong } from '../../../store/read/experiments/experiments.ts'
import { experimentAggregateRefreshDirty } from '../../../store/write/aggregates/aggregates.ts'
import { experimentUpload, type ExperimentUpload } from '../../../store/write/experiment-uploads.ts'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { countedDatasetAnswer } from '../datasets/dataset-answer.ts'
import { countedDatasetFromRow } from '../datasets/dataset-from-row.ts'
import { invalid, LangsmithError, notFound } from '../errors.ts'
import { keepFeedbackConfigs } from '../feedback/feedback-config.ts'
import { textOf } from '../object-text.ts'
import { datasetName } from '../datasets/post-datasets.ts'
import { sessionName } from './post-sessions.ts'
import { jsonObject, text, time, uuid } from '../schemas.ts'
import { sessionAnswer } from './session-answer.ts'
import { sessionWithStatistics } from './session-from-row.ts'
import {
  planUploadExamples,
  readScores,
  readUploadRows,
  uploadRow,
} from './experiment-upload-rows.ts'

const body = z.object({
  experiment_name: sessionName,
  experiment_description: text.nullish(),
  dataset_id: uuid.nullish(),
  dataset_name: datasetName.nullish(),
  dataset_description: text.nullish(),
  summary_experiment_scores: z.array(jsonObject).nullish(),
  results: z.array(uploadRow),
  experiment_start_time: time,
  experiment_end_time: time,
  experiment_metadata: jsonObject.nullish(),
})

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Upload an experiment that was run elsewhere',
  body,
  response: { 200: z.object({ dataset: countedDatasetAnswer, experiment: sessionAnswer }) },
}

/**
 * `POST /datasets/upload-experiment` (contracts/langsmith.md 2.3.2): makes the dataset, as externally managed, when it
 * does not exist; then the experiment, and for each row a run with its scores. All is checked before anything is
 * written.
 */
export function postDatasetsUploadExperiment(app: App, services: Services): void {
  const { db, clock } = services
  app.post(
    '/datasets/upload-experiment',
    { schema, config: { isIngest: true } },
    async (request) => {
      const { tenantId } = request.principal
      const given = request.body
      const members = sliceMembers(request.bodyText)
      const now = clock.now()
      const experimentId = randomUUID()
      const rows = readUploadRows(
        members.get('results') ?? '[]',
        given.results,
        { id: experimentId, name: given.experiment_name },
        now,
      )
      const summary = readScores(
        members.get('summary_experiment_scores'),
        new Map([
          ['session_id', JSON.stringify(experimentId)],
          ['run_id', 'null'],
          ['trace_id', 'null'],
        ]),
        now,
        ['body', 'summary_experiment_scores'],
      )
      const metadata = textOf(members.get('experiment_metadata'))
      const made = await experimentUpload(db, {
        ...datasetOf(given),
        tenantId,
        experiment: {
          id: experimentId,
          name: given.experiment_name,
          description: given.experiment_description ?? null,
          metadata: metadata === null ? null : jsonbText(metadata),
          startTime: given.experiment_start_time,
          endTime: given.experiment_end_time,
        },
        planExamples: (dataset) => planUploadExamples(dataset, rows),
        now,
      })
      if (made === 'no dataset') throw notFound('Dataset')
      if (made === 'dataset')
        throw new LangsmithError(409, 'Dataset with this name already exists.')
      if (made === 'experiment') throw new LangsmithError(409, 'Session already exists.')

      const scores = [...rows.map((row) => row.scores), summary]
      const events = [...rows.map((row) => row.run), ...scores.flatMap((one) => one.feedback)]
      try {
        await keepFeedbackConfigs(
          services,
          request.principal,
          scores.flatMap((one) => one.configs),
        )
        await acceptEvents(services, request, events, { isInteractive: true })
      } catch (error) {
        // An experiment without its runs is useless. Deleting it frees its name for the next attempt.
        await experimentDeleteMany(db, tenantId, [experimentId], now)
        await services.experimentIds.untilForgotten()
        throw error
      }

      await experimentAggregateRefreshDirty(db, tenantId, [experimentId])
      const statistics = await experimentAggregateListAmong(db, tenantId, [experimentId])
      const [dataset] = await datasetListCounted(db, {
        tenantId,
        filter: { ids: [made.dataset.id] },
        limit: 1,
        offset: 0,
      })
      if (dataset === undefined) throw notFound('Dataset')
      return {
        dataset: countedDatasetFromRow(tenantId, dataset),
        experiment: sessionWithStatistics(
          tenantId,
          made.experiment,
          statistics.get(experimentId),
          true,
        ),
      }
    },
  )
}

/** @throws LangsmithError 422 when neither id nor name is given */
function datasetOf(
  given: z.output<typeof body>,
): Pick<ExperimentUpload, 'datasetId' | 'datasetName' | 'newDataset'> {
  const { dataset_id: datasetId = null, dataset_name: name = null } = given
  if (datasetId === null && name === null) {
    throw invalid(
      ['body', 'dataset_name'],
      'One of dataset_id and dataset_name is required',
      'missing',
    )
  }
  return {
    datasetId,
    datasetName: name,
    // With only an id, the dataset must exist.
    newDataset:
      name === null
        ? null
        : {
            id: datasetId ?? randomUUID(),
            externalId: null,
            name,
            description: given.dataset_description ?? null,
            metadata: null,
            inputsSchema: null,
            outputsSchema: null,
            externallyManaged: true,
          },
  }
}
