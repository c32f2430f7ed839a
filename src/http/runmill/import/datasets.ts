import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { datasetImport } from '../../../store/write/imports.ts'
import { uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { RunmillError } from '../errors.ts'
import { config, givenId, jsonObject, memberOf, metadataOf, tags, text, time } from './schemas.ts'

const schema = {
  tags,
  summary: 'Write a dataset as another server has it, with its id and times',
  body: z.object({
    id: givenId,
    name: text.pipe(z.string().min(1)),
    description: text.nullish(),
    data_type: z.enum(['kv', 'llm', 'chat']).nullish(),
    metadata: z.unknown().optional(),
    inputs_schema: jsonObject,
    outputs_schema: jsonObject,
    transformations: z.array(z.unknown()).nullish(),
    externally_managed: z.boolean().nullish(),
    baseline_experiment_id: givenId.nullish().describe('Absent: the one that is there stays'),
    created_at: time,
    updated_at: time,
  }),
  response: { 200: z.object({ id: uuidAnswer }) },
}

/** `POST /api/runmill/import/datasets`: 409 when another dataset has the name. */
export function postImportDatasets(app: App, { db }: Services): void {
  app.post('/import/datasets', { schema, config }, async (request) => {
    const { principal, body } = request
    const members = sliceMembers(request.bodyText)
    const { baseline_experiment_id: baseline } = body
    const dataset = {
      ...resolveId('dataset', body.id),
      name: body.name,
      description: body.description ?? null,
      dataType: body.data_type ?? 'kv',
      metadata: metadataOf(members),
      inputsSchema: memberOf(members, 'inputs_schema'),
      outputsSchema: memberOf(members, 'outputs_schema'),
      transformations: memberOf(members, 'transformations'),
      externallyManaged: body.externally_managed ?? false,
      baselineExperimentId: baseline ? resolveId('experiment', baseline).id : baseline,
      createdAt: body.created_at,
      updatedAt: body.updated_at,
    }
    if (!(await datasetImport(db, principal.tenantId, dataset))) {
      throw new RunmillError(409, `Another dataset is named ${body.name}`)
    }
    return { id: dataset.id }
  })
}
