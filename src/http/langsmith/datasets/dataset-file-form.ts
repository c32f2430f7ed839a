import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { isTooDeep } from '../../../domain/json.ts'
import { MultipartError, readMultipart } from '../../multipart.ts'
import type { App } from '../../services.ts'
import { invalid, LangsmithError } from '../errors.ts'
import { text } from '../schemas.ts'

/** A file that came in a form. */
export interface UploadedFile {
  name: string
  contentType: string | null
  bytes: Buffer
}

/** A form with one file: the other fields by name, each with its values in the order sent. */
export interface UploadForm {
  file: UploadedFile
  fields: ReadonlyMap<string, string[]>
}

const fieldSchema = { type: 'string' } as const
const listSchema = { type: 'array', items: fieldSchema } as const

/**
 * What the documentation says about a form; the route checks it itself.
 * @param more fields besides the file and its columns, all of them optional
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

/** JSON texts: the key in the example by the column of the file. */
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
 * Reads a form, the file last, first or in between. It is held in memory: the body limit bounds it.
 * @throws LangsmithError 422 when it is no form, breaks off, or has no file
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

/** The one value of a field; the last where there are several. Empty is absent. */
export function fieldOf({ fields }: UploadForm, name: string): string | null {
  const value = fields.get(name)?.at(-1) ?? ''
  return value === '' ? null : value
}

/**
 * The JSON text of a field that is one.
 * @param shape what its value must be
 * @throws LangsmithError 422
 */
export function jsonFieldOf(form: UploadForm, name: string, shape: z.ZodType): JsonText | null {
  const value = fieldOf(form, name)
  if (value === null) return null
  try {
    if (!isTooDeep(value) && shape.safeParse(JSON.parse(value)).success) return value
  } catch {
    // No JSON at all.
  }
  throw invalid(['body', name], 'Input should be JSON of the right shape')
}

/** Which columns of a file go where. */
export interface UploadColumns {
  inputs: ColumnNames
  outputs: ColumnNames
  metadata: ColumnNames
}

/** Name of the column, and of the key that takes its values. */
export type ColumnNames = ReadonlyMap<string, string>

/** @throws LangsmithError 422 without `input_keys` */
export function readUploadColumns(form: UploadForm): UploadColumns {
  const inputs = namesOf(form, 'input')
  if (inputs.size === 0) throw invalid(['body', 'input_keys'], 'Field required', 'missing')
  return { inputs, outputs: namesOf(form, 'output'), metadata: namesOf(form, 'metadata') }
}

const mappingShape = z.record(z.string(), text)

/** `<part>_keys` with `<part>_key_mappings`: column → key. A column without mapping keeps its name. */
function namesOf(form: UploadForm, part: string): ColumnNames {
  const columns = (form.fields.get(`${part}_keys`) ?? []).filter((column) => column !== '')
  const mapping = jsonFieldOf(form, `${part}_key_mappings`, mappingShape)
  const keys = new Map(
    Object.entries(mapping === null ? {} : mappingShape.parse(JSON.parse(mapping))),
  )
  return new Map(columns.map((column) => [column, keys.get(column) ?? column]))
}
