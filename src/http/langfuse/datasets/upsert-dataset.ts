import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import { datasetUpsertByName } from '../../../store/write/datasets.ts'
import type { Services } from '../../services.ts'
import { checkAllItems, isJsonSchema } from './dataset-schema.ts'
import { invalidRequest } from '../errors.ts'
import { text } from '../requests.ts'

const schema = z
  .unknown()
  .refine((value) => value === null || value === undefined || isJsonSchema(value), {
    message: 'Must be a valid JSON Schema',
  })
  .optional()

/** Body of POST datasets, v1 and v2. Other keys are ignored. */
export const datasetBody = z.object({
  name: text,
  description: text.nullish(),
  metadata: z.unknown().optional(),
  inputSchema: schema,
  expectedOutputSchema: schema,
})

/** Makes a dataset or changes the one of that name (contracts/langfuse.md 2.3). @throws LangfuseError 400 */
export async function upsertDataset(
  { db, clock }: Services,
  request: FastifyRequest<{ Body: z.output<typeof datasetBody> }>,
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
