import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { datasetInsert } from '../../../store/write/datasets.ts'
import { exampleImportWithin } from '../../../store/write/example-imports.ts'
import type { App, Services } from '../../services.ts'
import { countedDatasetAnswer } from './dataset-answer.ts'
import { countedDatasetFromRow } from './dataset-from-row.ts'
import { assertExampleFits, assertJsonSchema } from '../examples/example-schemas.ts'
import { invalid, LangsmithError } from '../errors.ts'
import { datasetName, datasetTypes, transformations } from './post-datasets.ts'
import { jsonObject, text, uuid } from '../schemas.ts'
import {
  fieldOf,
  formSchema,
  jsonFieldOf,
  mappingFields,
  readUploadColumns,
  readUploadForm,
  uploadScope,
  type UploadForm,
} from './dataset-file-form.ts'
import { readExamples } from './dataset-file-rows.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Create a dataset from a CSV or JSON Lines file, all or nothing',
  consumes: ['multipart/form-data'],
  body: formSchema([
    'id',
    'name',
    'description',
    'data_type',
    'inputs_schema_definition',
    'outputs_schema_definition',
    'transformations',
    ...mappingFields,
  ]),
  response: { 200: countedDatasetAnswer },
}

/**
 * Makes a dataset of a file. Without a name it is called as the file. Answers 409 when the name or the id is taken, 422
 * for a bad form or file.
 */
export function postDatasetsUpload(app: App, { db, clock }: Services): void {
  uploadScope(app, (scope) => {
    scope.post('/datasets/upload', { schema }, async (request) => {
      const { tenantId } = request.principal
      const form = await readUploadForm(request.body, request.headers['content-type'])
      const columns = readUploadColumns(form)
      const dataset = datasetOf(form)
      const now = clock.now()
      let count = 0
      const made = await datasetInsert(db, tenantId, dataset, now, async (transaction, { id }) => {
        const imported = await exampleImportWithin(
          transaction,
          { tenantId, datasetId: id, now },
          readExamples(form.file, columns),
          (schemas, batch, first) => {
            for (const [i, example] of batch.entries()) {
              assertExampleFits(schemas, example, ['body', 'file', first + i])
            }
          },
        )
        count = imported?.count ?? 0
      })
      if (made === null) throw new LangsmithError(409, 'Dataset with this name already exists.')
      const counts = { exampleCount: count, sessionCount: 0, lastSessionStartTime: null }
      return countedDatasetFromRow(tenantId, { ...made, ...counts })
    })
  })
}

function datasetOf(form: UploadForm) {
  const inputsSchema = jsonFieldOf(form, 'inputs_schema_definition', jsonObject)
  const outputsSchema = jsonFieldOf(form, 'outputs_schema_definition', jsonObject)
  assertJsonSchema(inputsSchema, 'inputs_schema_definition')
  assertJsonSchema(outputsSchema, 'outputs_schema_definition')
  const description = fieldOf(form, 'description')
  return {
    id: checked(uuid, form, 'id') ?? randomUUID(),
    externalId: null,
    name: checked(datasetName, form, 'name') ?? fileNameOf(form),
    description: description === null ? null : text.parse(description),
    dataType: checked(z.enum(datasetTypes), form, 'data_type') ?? 'kv',
    metadata: null,
    inputsSchema,
    outputsSchema,
    transformations: jsonFieldOf(form, 'transformations', transformations),
  }
}

function fileNameOf({ file }: UploadForm): string {
  const name = datasetName.safeParse(file.name)
  if (!name.success) throw invalid(['body', 'name'], 'Field required', 'missing')
  return name.data
}

function checked<Output>(shape: z.ZodType<Output>, form: UploadForm, name: string): Output | null {
  const value = fieldOf(form, name)
  if (value === null) return null
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalid(['body', name], parsed.error.issues[0]?.message ?? 'Invalid input')
}
