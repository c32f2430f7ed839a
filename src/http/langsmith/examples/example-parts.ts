import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Attachment } from '../../../domain/attachments.ts'
import type { JsonText } from '../../../domain/entities.ts'
import { isUuid, storableText } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { MultipartError, readMultipart, type Part } from '../../multipart.ts'
import { invalid, LangsmithError } from '../errors.ts'
import type { ExampleUpdate } from './example-writes.ts'
import { problemOfJson, readText } from '../multipart-body.ts'

export interface ExamplePartsOptions {
  /** The schema of an example's main part. */
  info: z.ZodType
  /** The schema of `attachments_operations`; null where the route takes no such part. */
  operations: z.ZodType | null
  /** Limit of all JSON together, in bytes. It is held in memory, while attachments are not. */
  maxJsonBytes: number
  keep: (name: string, part: Part) => Promise<Attachment>
}

type Field = 'info' | 'inputs' | 'outputs' | 'attachments_operations'

/** What a request says of one example. */
interface GivenExample {
  texts: Map<Field, JsonText>
  attachments: Map<string, Attachment>
}

/** JavaScript and Python write `attachment.`; the vendor's description says `attachments.` once. */
const partName = /^([^.]+)(?:\.(?:(inputs|outputs|attachments_operations)|attachments?\.(.+)))?$/s

/**
 * Reads the parts of a request that writes examples, in any order (contracts/langsmith.md 2.4.3). Attachments are
 * streamed to `keep`; all other parts are read as text.
 * @returns the examples in the order in which they are first named
 * @throws LangsmithError 400 for a body that is malformed, 413 for too much JSON, 422 for invalid values
 */
export async function readExampleParts(
  request: FastifyRequest,
  options: ExamplePartsOptions,
): Promise<ExampleUpdate[]> {
  const body = request.body as AsyncIterable<Buffer>
  const contentType = request.headers['content-type'] ?? ''
  const examples = new Map<string, GivenExample>()
  const budget = { bytes: options.maxJsonBytes }
  try {
    for await (const part of readMultipart(body, contentType)) {
      const { id, field, attachment } = readName(part.name)
      if (field === 'attachments_operations' && options.operations === null)
        throw unknown(part.name)
      let example = examples.get(id)
      if (example === undefined) {
        example = { texts: new Map(), attachments: new Map() }
        examples.set(id, example)
      }
      if (attachment !== null) {
        if (example.attachments.has(attachment)) throw repeated(part.name)
        example.attachments.set(attachment, await options.keep(attachment, part))
        continue
      }
      if (example.texts.has(field)) throw repeated(part.name)
      const text = await readText(limited(part, budget), request)
      check(field, text, part.name, options)
      example.texts.set(field, text)
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error
    throw new LangsmithError(400, `Bad request: error reading multipart data: ${error.message}`)
  }
  if (examples.size === 0) throw new LangsmithError(400, 'Bad request: no examples')
  return [...examples].map(([id, { texts, attachments }]) => ({
    id,
    members: membersOf(id, texts),
    attachments: [...attachments.values()],
    loc: ['body', id],
  }))
}

function readName(name: string): { id: string; field: Field; attachment: string | null } {
  const [, id = '', field, attachment = null] = partName.exec(name) ?? []
  if (!isUuid(id)) throw unknown(name)
  return {
    id: id.toLowerCase(),
    field: (field ?? 'info') as Field,
    attachment: attachment === null ? null : storableText(attachment),
  }
}

/** A part whose bytes count against the budget. @throws LangsmithError 413 once the budget is used up */
function limited(part: Part, budget: { bytes: number }): Part {
  async function* read(): AsyncGenerator<Buffer> {
    for await (const chunk of part.body) {
      budget.bytes -= chunk.length
      if (budget.bytes < 0) throw new LangsmithError(413, 'Request body is too large')
      yield chunk
    }
  }
  return { ...part, body: read() }
}

/** @throws LangsmithError 422 */
function check(
  field: Field,
  text: JsonText,
  name: string,
  { info, operations }: ExamplePartsOptions,
): void {
  const loc = ['body', name.slice(0, 200)]
  const problem = problemOfJson(text)
  if (problem !== null) throw invalid(loc, problem)
  const isObject = text.startsWith('{')
  if (field === 'inputs' || field === 'outputs') {
    if (!isObject && text !== 'null') throw invalid(loc, 'Input should be an object')
    return
  }
  if (!isObject) throw invalid(loc, 'Input should be an object')
  const { error } = (field === 'info' ? info : operations!).safeParse(JSON.parse(text))
  if (error === undefined) return
  const details = error.issues.map(({ path, message, code }) => ({
    loc: [...loc, ...path.map((key) => (typeof key === 'number' ? key : String(key)))],
    msg: message,
    type: code,
  }))
  throw new LangsmithError(422, details)
}

/** The members of an example, from whichever parts they came in. */
function membersOf(id: string, texts: ReadonlyMap<Field, JsonText>): Map<string, JsonText> {
  const members = sliceMembers(texts.get('info') ?? '{}')
  for (const field of ['inputs', 'outputs', 'attachments_operations'] as const) {
    const text = texts.get(field)
    if (text === undefined) members.delete(field)
    else members.set(field, text)
  }
  return members.set('id', JSON.stringify(id))
}

function unknown(name: string): LangsmithError {
  return new LangsmithError(400, `Bad request: unknown part ${JSON.stringify(name.slice(0, 200))}`)
}

function repeated(name: string): LangsmithError {
  const shown = JSON.stringify(name.slice(0, 200))
  return new LangsmithError(400, `Bad request: part ${shown} is there twice`)
}
