import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { datasetInsert } from '../../../store/write/datasets.ts'
import type { App, Services } from '../../services.ts'
import { countedDatasetAnswer } from './dataset-answer.ts'
import { countedDatasetFromRow } from './dataset-from-row.ts'
import { assertJsonSchema } from '../examples/example-schemas.ts'
import { LangsmithError } from '../errors.ts'
import { textOf } from '../object-text.ts'
import { jsonObject, text, time, uuid } from '../schemas.ts'

export const datasetName = z.string().min(1).max(255).pipe(text)

export const datasetTypes = ['kv', 'llm', 'chat'] as const

/** Stored and shown, but not applied (contracts/langsmith.md 2.3.1). */
export const transformations = z.array(
  z.looseObject({ path: z.array(z.string()), transformation_type: z.string() }),
)

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Create a dataset',
  body: z.object({
    name: datasetName,
    description: text.nullish(),
    data_type: z.enum(datasetTypes).nullish(),
    id: uuid.nullish(),
    created_at: time.nullish(),
    inputs_schema_definition: jsonObject.nullish(),
    outputs_schema_definition: jsonObject.nullish(),
    transformations: transformations.nullish(),
    externally_managed: z.boolean().nullish(),
    extra: z.looseObject({ metadata: jsonObject.nullish() }).nullish(),
  }),
  response: { 200: countedDatasetAnswer },
}

/** Answers 409 when the name or the id is taken. */
export function postDatasets(app: App, { db, clock }: Services): void {
  app.post('/datasets', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const members = sliceMembers(request.bodyText)
    const metadata = textOf(sliceMembers(members.get('extra') ?? '{}').get('metadata'))
    const inputsSchema = textOf(members.get('inputs_schema_definition'))
    const outputsSchema = textOf(members.get('outputs_schema_definition'))
    assertJsonSchema(inputsSchema, 'inputs_schema_definition')
    assertJsonSchema(outputsSchema, 'outputs_schema_definition')
    const made = await datasetInsert(
      db,
      tenantId,
      {
        id: given.id ?? randomUUID(),
        externalId: null,
        name: given.name,
        description: given.description ?? null,
        dataType: given.data_type ?? 'kv',
        metadata: metadata === null ? null : jsonbText(metadata),
        inputsSchema,
        outputsSchema,
        transformations: textOf(members.get('transformations')),
        externallyManaged: given.externally_managed ?? false,
        createdAt: given.created_at ?? null,
      },
      clock.now(),
    )
    if (made === null) throw new LangsmithError(409, 'Dataset with this name already exists.')
    const counts = { exampleCount: 0, sessionCount: 0, lastSessionStartTime: null }
    return countedDatasetFromRow(tenantId, { ...made, ...counts })
  })
}
