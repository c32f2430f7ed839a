import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { isTooDeep } from '../../../domain/json.ts'
import { MultipartError, readMultipart } from '../../multipart.ts'
import type { App } from '../../services.ts'
import { invalid, LangsmithError } from '../errors.ts'
import { text } from '../schemas.ts'

/** The file of a multipart form. */
export interface UploadedFile {
  name: string
  contentType: string | null
  bytes: Buffer
}

/** A multipart form with one file. `fields` holds the other fields, each with its values in the order sent. */
export interface UploadForm {
  file: UploadedFile
  fields: ReadonlyMap<string, string[]>
}

const fieldSchema = { type: 'string' } as const
const listSchema = { type: 'array', items: fieldSchema } as const

/**
 * Documents a form; `readUploadForm` and the routes check it.
 * @param more optional fields besides the file and its columns
 */
export function formSchema(more: string[]) {
  return z.unknown().meta({
    type: 'object',
    required: ['file', 'input_keys'],
    properties: {
      file: { type: 'string', format: 'binary' },
      input_keys: listSchema,
      output_keys: listSchema,
      metadata_keys: listSchema,
      ...Object.fromEntries(more.map((name) => [name, fieldSchema])),
    },
  })
}

/** Fields that hold a JSON object: the key in the example for each column of the file. */
export const mappingFields = ['input_key_mappings', 'output_key_mappings', 'metadata_key_mappings']

/** A scope in which bodies of forms are handed over unread. */
export function uploadScope(app: App, routes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    scope.addContentTypeParser('multipart/form-data', (_request, payload, done) => {
      done(null, payload)
    })
    routes(scope)
  })
}

/**
 * Reads a form into memory; the limit of bodies bounds it. The file may come before, between or after the fields.
 * @throws LangsmithError 422 when the body is not a form, breaks off, or has no file
 */
export async function readUploadForm(
  body: unknown,
  contentType: string | undefined,
): Promise<UploadForm> {
  const fields = new Map<string, string[]>()
  let file: UploadedFile | null = null
  try {
    for await (const part of readMultipart(body as AsyncIterable<Buffer>, contentType ?? '')) {
      const chunks: Buffer[] = []
      for await (const chunk of part.body) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      if (part.name === 'file') {
        if (file !== null) throw invalid(['body', 'file'], 'One file at a time')
        file = { name: part.fileName ?? '', contentType: part.contentType, bytes }
      } else {
        const values = fields.get(part.name) ?? []
        values.push(bytes.toString('utf8'))
        fields.set(part.name, values)
      }
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error
    throw new LangsmithError(
      422,
      `Unprocessable entity: error reading multipart data: ${error.message}`,
    )
  }
  if (file === null) throw invalid(['body', 'file'], 'Field required', 'missing')
  return { file, fields }
}

/** The value of a field: the last one, if it was sent several times. An empty field counts as absent. */
export function fieldOf({ fields }: UploadForm, name: string): string | null {
  const value = fields.get(name)?.at(-1) ?? ''
  return value === '' ? null : value
}

/**
 * The text of a field that holds JSON.
 * @param shape the schema of its value
 * @throws LangsmithError 422
 */
export function jsonFieldOf(form: UploadForm, name: string, shape: z.ZodType): JsonText | null {
  const value = fieldOf(form, name)
  if (value === null) return null
  try {
    if (!isTooDeep(value) && shape.safeParse(JSON.parse(value)).success) return value
  } catch {
    // The field is not JSON: refused below.
  }
  throw invalid(['body', name], 'Input should be JSON of the right shape')
}

/** Which columns of a file become which keys of an example. */
export interface UploadColumns {
  inputs: ColumnNames
  outputs: ColumnNames
  metadata: ColumnNames
}

/** The key in the example for each column of the file. */
export type ColumnNames = ReadonlyMap<string, string>

/** @throws LangsmithError 422 without `input_keys` */
export function readUploadColumns(form: UploadForm): UploadColumns {
  const inputs = namesOf(form, 'input')
  if (inputs.size === 0) throw invalid(['body', 'input_keys'], 'Field required', 'missing')
  return { inputs, outputs: namesOf(form, 'output'), metadata: namesOf(form, 'metadata') }
}

const mappingShape = z.record(z.string(), text)

/** Reads `<field>_keys` and `<field>_key_mappings`. A column without a mapping keeps its name. */
function namesOf(form: UploadForm, field: 'input' | 'output' | 'metadata'): ColumnNames {
  const columns = (form.fields.get(`${field}_keys`) ?? []).filter((column) => column !== '')
  const mapping = jsonFieldOf(form, `${field}_key_mappings`, mappingShape)
  const keys = new Map(
    Object.entries(mapping === null ? {} : mappingShape.parse(JSON.parse(mapping))),
  )
  return new Map(columns.map((column) => [column, keys.get(column) ?? column]))
}
