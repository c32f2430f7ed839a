import { Ajv, type ValidateFunction } from 'ajv'
import type { App } from '../../src/http/services.ts'

/*
 * Compares answers with the OpenAPI document. The document is the same for every app, so it is made once per process, and
 * a schema is compiled when an answer needs it first.
 */

export interface Operation {
  /** As in the document, such as `/datasets/{id}`. */
  path: string
  method: string
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}

export type Schema = Record<string, unknown>

interface Contract {
  operations: Operation[]
  /** Operations whose paths have as many segments. */
  bySize: Map<number, { segments: string[]; operation: Operation }[]>
  ajv: Ajv
  checks: Map<Schema, ValidateFunction>
}

let contract: Contract | null = null

/** Every operation of the document. */
export async function documentedOperations(app: App): Promise<Operation[]> {
  await app.ready()
  return contractOf(app).operations
}

export interface SentRequest {
  method: string
  url: string
}

export interface ReceivedAnswer {
  status: number
  type: string | undefined
  text: string
}

/**
 * @throws Error when the answer is not as documented: another status, another type, or a body that breaks its schema.
 * An operation that does not say how it succeeds may succeed in any way.
 */
export function checkDocumented(app: App, sent: SentRequest, answer: ReceivedAnswer): void {
  const known = contractOf(app)
  const operation = findOperation(known, sent)
  // HEAD has no body, and is documented as the GET beside it.
  if (operation === undefined || sent.method.toUpperCase() === 'HEAD') return
  const problem = problemOf(known, operation, answer)
  if (problem === null) return
  const place = `${sent.method.toUpperCase()} ${sent.url.slice(0, 500)}: ${answer.status}`
  throw new Error(`${place} is not as documented: ${problem}\n${answer.text.slice(0, 2000)}`)
}

export function hasDocumentedSuccess({ responses }: Operation): boolean {
  // The last condition tells what @fastify/swagger adds where a route says nothing.
  return Object.entries(responses).some(
    ([status, { content, description }]) =>
      status.startsWith('2') &&
      (content !== undefined || status !== '200' || description !== 'Default Response'),
  )
}

function problemOf(
  { ajv, checks }: Contract,
  operation: Operation,
  { status, type, text }: ReceivedAnswer,
): string | null {
  const declared = operation.responses[status]
  if (status < 300 && !hasDocumentedSuccess(operation)) return null
  if (declared === undefined) return 'the status is not declared'
  const mediaType = type?.split(';')[0]
  if (declared.content === undefined) return text === '' ? null : 'no body is declared'
  if (declared.content['*/*'] !== undefined) return null
  const media = declared.content[mediaType ?? '']
  if (media === undefined) return `the type ${type} is not declared`
  if (!/\bjson$/.test(mediaType ?? '')) return null
  let check = checks.get(media.schema)
  if (check === undefined) {
    check = ajv.compile(jsonSchemaOf(media.schema) as object)
    checks.set(media.schema, check)
  }
  return check(JSON.parse(text)) ? null : ajv.errorsText(check.errors, { dataVar: 'body' })
}

function contractOf(app: App): Contract {
  if (contract !== null) return contract
  const document = app.swagger() as unknown as {
    paths: Record<string, Record<string, Omit<Operation, 'path' | 'method'>>>
    components: object
  }
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, path, method })),
  )
  const bySize: Contract['bySize'] = new Map()
  for (const operation of operations) {
    const segments = operation.path.split('/')
    const size = segments.length
    bySize.set(size, [...(bySize.get(size) ?? []), { segments, operation }])
  }
  // A schema is used too seldom for optimised code to be worth its compilation.
  const code = { optimize: false }
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, code })
  ajv.addSchema({ $id: 'document', components: jsonSchemaOf(document.components) })
  contract = { operations, bySize, ajv, checks: new Map() }
  return contract
}

/** Of several that match, the router takes the one with the first fixed segment. */
function findOperation({ bySize }: Contract, { method, url }: SentRequest): Operation | undefined {
  // As the app is called by `inject`, which resolves `..`.
  const bare = new URL(url, 'http://localhost').pathname
  const path = /^\/api\/(?:public|runmill)\//.test(bare)
    ? bare
    : bare.replace(/^\/api(?:\/v1)?(?=\/)/, '').replace(/^\/v1\/platform(?=\/)/, '/platform')
  // These are at their own paths only.
  if (path !== bare && /^\/(?:livez|readyz|metrics|docs)(?:\/|$)/.test(path)) return undefined
  const sent = path.split('/')
  const matching = (bySize.get(sent.length) ?? []).filter(({ segments }) =>
    segments.every((segment, index) => segment.startsWith('{') || segment === sent[index]),
  )
  const rank = (segments: string[]) =>
    segments.map((segment) => (segment.startsWith('{') ? '1' : '0')).join('')
  return matching
    .toSorted((a, b) => rank(a.segments).localeCompare(rank(b.segments)))
    .map(({ operation }) => operation)
    .find((operation) => operation.method === method.toLowerCase())
}

/** Writes a schema of OpenAPI 3.0 as one that Ajv knows: it has `nullable` beside any schema, and other references. */
function jsonSchemaOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((each) => jsonSchemaOf(each))
  if (schema === null || typeof schema !== 'object') return schema
  const { nullable, $ref, ...rest } = schema as Schema
  const plain = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, key === 'enum' ? value : jsonSchemaOf(value)]),
  )
  const reference = typeof $ref === 'string' ? { $ref: `document${$ref}` } : {}
  // A property may have the name `nullable`, and a map of properties is no schema.
  if (nullable === true) return { anyOf: [{ ...plain, ...reference }, { type: 'null' }] }
  if (nullable !== undefined && nullable !== false) plain['nullable'] = jsonSchemaOf(nullable)
  return { ...plain, ...reference }
}
