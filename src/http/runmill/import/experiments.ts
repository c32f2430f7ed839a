import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { experimentImport } from '../../../store/write/imports.ts'
import { uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { RunmillError } from '../errors.ts'
import { config, givenId, jsonObject, memberOf, metadataOf, tags, text, time } from './schemas.ts'

const schema = {
  tags,
  summary: 'Write an experiment or project as another server has it, with its id and times',
  body: z.object({
    id: givenId,
    dataset_id: givenId.nullish(),
    name: text,
    is_named_in_tenant: z
      .boolean()
      .describe('The name is unique in the whole tenant (LangSmith), or in its dataset (Langfuse)'),
    description: text.nullish(),
    metadata: jsonObject,
    extra: jsonObject.describe('What LangSmith keeps beside the metadata'),
    trace_tier: z.enum(['longlived', 'shortlived']).nullish(),
    default_dataset_id: givenId.nullish(),
    start_time: time,
    end_time: time.nullish(),
    created_at: time,
    updated_at: time,
  }),
  response: { 200: z.object({ id: uuidAnswer }) },
}

/** `POST /api/runmill/import/experiments`: 409 when another one has the name, 404 when it was deleted here. */
export function postImportExperiments(app: App, { db, experimentIds }: Services): void {
  app.post('/import/experiments', { schema, config }, async (request) => {
    const { tenantId } = request.principal
    const { body } = request
    const members = sliceMembers(request.bodyText)
    const datasetId = body.dataset_id ? resolveId('dataset', body.dataset_id).id : null
    if (datasetId !== null && (await datasetFind(db, tenantId, datasetId)) === null) {
      throw new RunmillError(404, 'There is no such dataset')
    }
    const experiment = {
      ...resolveId('experiment', body.id),
      datasetId,
      name: body.name,
      isNamedInTenant: body.is_named_in_tenant,
      description: body.description ?? null,
      metadata: metadataOf(members) ?? '{}',
      extra: memberOf(members, 'extra'),
      traceTier: body.trace_tier ?? null,
      defaultDatasetId: body.default_dataset_id
        ? resolveId('dataset', body.default_dataset_id).id
        : null,
      startTime: body.start_time,
      endTime: body.end_time ?? null,
      createdAt: body.created_at,
      updatedAt: body.updated_at,
    }
    const before = await experimentFind(db, tenantId, experiment.id)
    const isWritten = await experimentImport(db, tenantId, experiment)
    if (isWritten === null) {
      throw new RunmillError(409, `Another experiment is named ${body.name}`)
    }
    if (!isWritten) throw new RunmillError(404, `The experiment ${body.name} was deleted here`)
    if (before !== null && before.name !== body.name) await experimentIds.untilForgotten()
    return { id: experiment.id }
  })
}
