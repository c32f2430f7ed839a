import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import {
  comparativeExperimentFind,
  experimentListDatasetsAmong,
  type ComparativeExperiment,
} from '../../../store/read/comparison/comparative-experiments.ts'
import { comparativeExperimentInsert } from '../../../store/write/comparative-experiments.ts'
import type { App, Services } from '../../services.ts'
import { comparativeAnswer } from './comparative-answer.ts'
import { comparativeFromRow } from './comparative-from-row.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { textOf } from '../object-text.ts'
import { jsonObject, text, time, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Compare experiments on one dataset',
  body: z.object({
    experiment_ids: z.array(uuid).min(1).max(100),
    id: uuid.nullish(),
    name: text.nullish(),
    description: text.nullish(),
    created_at: time.nullish(),
    modified_at: time.nullish(),
    reference_dataset_id: uuid.nullish(),
    extra: jsonObject.nullish(),
  }),
  response: { 200: comparativeAnswer },
}

/**
 * `POST /datasets/comparative` (contracts/langsmith.md 2.8). Repeating the request answers the
 * stored comparison; 409 when the id belongs to a different one.
 */
export function postDatasetsComparative(app: App, { db, clock }: Services): void {
  app.post('/datasets/comparative', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const experimentIds = [...new Set(given.experiment_ids)]
    const datasets = await experimentListDatasetsAmong(db, tenantId, experimentIds)
    const now = clock.now()
    const wanted: ComparativeExperiment = {
      id: given.id ?? randomUUID(),
      datasetId: datasetOf(experimentIds, datasets, given.reference_dataset_id ?? null),
      experimentIds,
      name: given.name ?? null,
      description: given.description ?? null,
      extra: textOf(sliceMembers(request.bodyText).get('extra')),
      createdAt: given.created_at ?? now,
      updatedAt: given.modified_at ?? given.created_at ?? now,
    }
    const made = await comparativeExperimentInsert(db, tenantId, wanted)
    const row = made ?? (await comparativeExperimentFind(db, tenantId, wanted.id))
    if (row === null || !isSame(row, wanted)) {
      throw new LangsmithError(409, 'Comparative experiment with this id already exists.')
    }
    return comparativeFromRow(tenantId, row)
  })
}

/** @throws LangsmithError 404 for an unknown experiment, 400 when the experiments are not all on one dataset */
function datasetOf(
  experimentIds: string[],
  datasets: ReadonlyMap<string, string | null>,
  named: string | null,
): string {
  if (experimentIds.some((id) => !datasets.has(id))) throw notFound('Experiment')
  const [datasetId, ...others] = new Set(datasets.values())
  if (datasetId === null || datasetId === undefined || others.length > 0) {
    throw new LangsmithError(400, 'All experiments must have the same reference dataset')
  }
  if (named !== null && named !== datasetId) {
    throw new LangsmithError(400, 'The experiments have another reference dataset')
  }
  return datasetId
}

function isSame(row: ComparativeExperiment, wanted: ComparativeExperiment): boolean {
  const fields = ['datasetId', 'name', 'description', 'extra'] as const
  return (
    fields.every((field) => row[field] === wanted[field]) &&
    row.experimentIds.join() === wanted.experimentIds.join()
  )
}
