import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import { datasetUpsertByName } from '../../../store/write/datasets.ts'
import type { App, Services } from '../../services.ts'
import { invalidRequest } from '../errors.ts'
import { text } from '../requests.ts'
import { datasetAnswer, datasetFromRow, datasetV1Answer } from './dataset-from-row.ts'
import { checkAllItems, isJsonSchema } from './dataset-schema.ts'

const jsonSchema = z
  .unknown()
  .refine((value) => value === null || value === undefined || isJsonSchema(value), {
    message: 'Must be a valid JSON Schema',
  })
  .optional()

/** Other keys are ignored. */
const body = z.object({
  name: text,
  description: text.nullish(),
  metadata: z.unknown().optional(),
  inputSchema: jsonSchema,
  expectedOutputSchema: jsonSchema,
})

const tags = ['langfuse datasets']

const v1Schema = {
  body,
  response: { 200: datasetV1Answer },
  tags,
  summary: 'Make a dataset, or change the one of that name (v1)',
}

const v2Schema = {
  body,
  response: { 200: datasetAnswer },
  tags,
  summary: 'Make a dataset, or change the one of that name',
}

/** Both versions do the same; the two lists in v1's answer are always empty (contracts/langfuse.md 2.3). */
export function postDatasets(app: App, services: Services): void {
  app.post('/datasets', { schema: v1Schema }, async (request) => {
    const dataset = await upsertDataset(services, request)
    return { ...datasetFromRow(request.principal.tenantId, dataset), items: [], runs: [] }
  })

  app.post('/v2/datasets', { schema: v2Schema }, async (request) =>
    datasetFromRow(request.principal.tenantId, await upsertDataset(services, request)),
  )
}

/** Makes a dataset, or changes the one of that name. @throws LangfuseError 400 */
async function upsertDataset(
  { db, clock }: Services,
  request: FastifyRequest<{ Body: z.output<typeof body> }>,
): Promise<Dataset> {
  const { name, description = null } = request.body
  if (!isDatasetName(name)) throw invalidRequest(nameRules)
  const sent = sliceMembers(request.bodyText)
  const member = (key: string) => {
    const json = sent.get(key)
    return json === 'null' ? null : json
  }
  const metadata = member('metadata') ?? null
  const schemas = {
    inputsSchema: member('inputSchema'),
    outputsSchema: member('expectedOutputSchema'),
  }
  const items = checkAllItems({
    inputsSchema: schemas.inputsSchema ?? null,
    outputsSchema: schemas.outputsSchema ?? null,
  })
  return datasetUpsertByName(
    db,
    request.principal.tenantId,
    {
      id: randomUUID(),
      externalId: null,
      name,
      description,
      metadata: metadata === null ? null : jsonbText(metadata),
      ...(schemas.inputsSchema === undefined ? {} : { inputsSchema: schemas.inputsSchema }),
      ...(schemas.outputsSchema === undefined ? {} : { outputsSchema: schemas.outputsSchema }),
    },
    clock.now(),
    (page) => (page.length > 0 ? items.check(page) : items.finish()),
  )
}

const nameRules =
  'Dataset name not valid. It must not be empty, contain HTML tags, start or end with a slash, or contain two slashes in a row.'

function isDatasetName(name: string): boolean {
  return name !== '' && !/<[^>]*>|^\/|\/$|\/\//.test(name)
}
