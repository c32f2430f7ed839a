import fc from 'fast-check'
import type { Operation, Schema } from '../documented-answers.ts'

/*
 * Requests made from the OpenAPI document: some as documented, most with something wrong in them.
 */

export interface GeneratedRequest {
  url: string
  headers: Record<string, string>
  payload?: string | Buffer
}

/** Values that programs tend to stumble over. */
const oddTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00\ud800x',
  '😀',
  '\u202e',
  '%',
  '%zz',
  '..',
  "'",
  '"',
  '\\',
  '$1',
  'null',
  'NaN',
  '-1',
  '0',
  '1e309',
  '9223372036854775808',
  '99999999999999999999999999',
  '0000-00-00T00:00:00Z',
  '2026-13-45T99:99:99Z',
  '+275760-09-13T00:00:00.001Z',
  '294277-01-01T00:00:00Z',
  '-4714-01-01T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  '{"a":1}',
  '[]',
  '__proto__',
  'constructor',
  'x'.repeat(5000),
]

const oddNumbers = [
  0,
  -0,
  -1,
  0.1,
  1e-320,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  1e300,
  -1e300,
]

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** Not `unit: 'binary'`, which takes seconds to list all characters once. */
const unit = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code))
const oddText = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit, maxLength: 20 }))

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  fc.constantFrom<unknown>(...oddNumbers),
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { '': null }),
  fc.constantFrom(nested(100), nested(2000)),
  fc.jsonValue({ maxDepth: 3 }),
)

const oddBodies: (string | Buffer)[] = [
  '',
  ' ',
  'null',
  '0',
  '"text"',
  '[]',
  '{}',
  '{"a":1e999,"b":-1e999}',
  '{"__proto__":{"a":1},"a":1,"a":2}',
  '{"a":',
  '\ufeff{}',
  '['.repeat(3000),
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  Buffer.from('{"a":"\xff"}', 'latin1'),
]

const oddHeaders: Record<string, string>[] = [
  { 'content-type': '' },
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'multipart/form-data' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-type': 'application/x-protobuf' },
  { 'content-type': ';;=' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'zstd' },
  { 'content-encoding': 'br' },
  { accept: 'text/csv' },
  { accept: '*/*;q=nothing' },
  { range: 'bytes=5-1,9-' },
  { host: '' },
  { 'x-forwarded-host': '\t' },
  { 'x-langfuse-ingestion-version': 'x' },
]

/** @param odds how much more often there is a value than none, which is null */
function maybe<T>(arbitrary: fc.Arbitrary<T>, odds: number): fc.Arbitrary<T | null> {
  return fc.oneof(
    { weight: Math.ceil(odds * 10), arbitrary },
    { weight: 10, arbitrary: fc.constant(null) },
  )
}

/** @param known texts that name things that exist, by which requests get past the first look-up */
export function requestArbitrary(
  operation: Operation,
  known: readonly string[],
): fc.Arbitrary<GeneratedRequest> {
  const { path, parameters = [], requestBody } = operation
  const knownText = fc.constantFrom(...known)
  const text = fc.oneof({ weight: 2, arbitrary: knownText }, { weight: 1, arbitrary: oddText })
  const pathText = fc.oneof(
    { weight: 9, arbitrary: text.map((value) => encodeURIComponent(value.toWellFormed())) },
    { weight: 1, arbitrary: fc.constantFrom('%00', '%zz', '%ff', '%c0%af', 'x'.repeat(4097)) },
  )
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const filledPath = fc
    .tuple(...names.map(() => pathText))
    .map((values) => values.reduce((url, value) => url.replace(/\{\w+\}/, () => value), path))

  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const pairs = fc.tuple(
    ...inQuery.map(({ name, required = false, schema }) => {
      const value = fc.oneof(
        { weight: 4, arbitrary: valueOf(schema, knownText, 0) },
        { weight: 1, arbitrary: fc.oneof(text, fc.array(text, { maxLength: 3 })) },
      )
      const pair = value.map((given): [string, unknown] => [name, given])
      return maybe(pair, required ? 20 : 1)
    }),
    maybe(fc.tuple(oddText, oddText), 0.1),
  )
  const search = pairs.map((given) => {
    const parts = given.flatMap((pair) => (pair === null ? [] : textsOf(pair)))
    return parts.length === 0 ? '' : `?${parts.join('&')}`
  })

  return fc
    .record({
      url: fc.tuple(filledPath, search).map((parts) => parts.join('')),
      headers: fc.oneof(
        { weight: 5, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constantFrom(...oddHeaders) },
      ),
      payload: payloadOf(requestBody, knownText),
    })
    .map(({ url, headers, payload }) =>
      payload === undefined
        ? { url, headers }
        : { url, headers: { 'content-type': payload.type, ...headers }, payload: payload.content },
    )
}

function textsOf([name, value]: [string, unknown]): string[] {
  const texts = [value]
    .flat()
    .map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
  return texts.map((each) =>
    [name, each ?? ''].map((part) => encodeURIComponent(part.toWellFormed())).join('='),
  )
}

type Payload = { type: string; content: string | Buffer } | undefined

function payloadOf(
  body: Operation['requestBody'],
  known: fc.Arbitrary<string>,
): fc.Arbitrary<Payload> {
  if (body === undefined) return fc.constant(undefined)
  const [type, { schema }] = Object.entries(body.content)[0]!
  const content = type.startsWith('multipart/')
    ? fc.array(fc.tuple(known, oddText), { maxLength: 4 }).map((parts) => formOf(parts))
    : valueOf(schema, known, 0).map((value) => JSON.stringify(value))
  const sent = type.startsWith('multipart/') ? `${type}; boundary=x` : type
  const any = fc.oneof(
    { weight: 12, arbitrary: content },
    { weight: 1, arbitrary: oddValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.constantFrom(...oddBodies) },
  )
  return any.map((each) => ({ type: sent, content: each }))
}

function formOf(parts: [string, string][]): string {
  const texts = parts.map(
    ([name, value]) =>
      `--x\r\ncontent-disposition: form-data; name=${JSON.stringify(name)}\r\ncontent-type: application/json\r\n\r\n${value}\r\n`,
  )
  return `${texts.join('')}--x--\r\n`
}

/** A value that mostly fits the schema. */
function valueOf(
  schema: Schema,
  known: fc.Arbitrary<string>,
  depth: number,
): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 14, arbitrary: fittingOf(schema, known, depth) },
    { weight: 1, arbitrary: oddValue },
  )
}

function fittingOf(
  schema: Schema,
  known: fc.Arbitrary<string>,
  depth: number,
): fc.Arbitrary<unknown> {
  if (depth > 6) return oddValue
  const next = (inner: unknown) => valueOf(inner as Schema, known, depth + 1)
  const { anyOf, oneOf, allOf, nullable, ...rest } = schema
  const branches = (anyOf ?? oneOf) as Schema[] | undefined
  if (nullable === true) return fc.option(fittingOf({ ...schema, nullable: false }, known, depth))
  if (branches !== undefined) return fc.oneof(...branches.map((branch) => next(branch)))
  if (Array.isArray(allOf)) return next(Object.assign({}, rest, ...(allOf as Schema[])))
  if (Array.isArray(schema['enum'])) return fc.constantFrom<unknown>(...schema['enum'])
  switch (schema['type']) {
    case 'string':
      return textOf(schema, known)
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(next(schema['items'] ?? {}), { maxLength: 3 })
    case 'object':
      return objectOf(schema, next)
    default:
      return fc.oneof(oddValue, known)
  }
}

function textOf({ format }: Schema, known: fc.Arbitrary<string>): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.oneof(known, fc.uuid())
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  const instant = fc.constantFrom('2026-01-21T10:00:00Z', '2020-01-01T00:00:00.123456+05:30')
  return fc.oneof(
    { weight: 4, arbitrary: known },
    { weight: 1, arbitrary: oddText },
    { weight: 1, arbitrary: instant },
  )
}

function numberOf({ minimum, maximum }: Schema): fc.Arbitrary<number> {
  const from = Math.max(Number(minimum ?? -1000), -1000)
  const to = Math.max(from, Math.min(Number(maximum ?? 1000), 1000))
  const [least, most] = [Math.ceil(from), Math.floor(to)]
  // A small span may hold no whole number.
  const within =
    least <= most
      ? fc.integer({ min: least, max: most })
      : fc.double({ min: from, max: to, noNaN: true })
  return fc.oneof(
    { weight: 4, arbitrary: within },
    { weight: 1, arbitrary: fc.constantFrom(...oddNumbers) },
  )
}

function objectOf(
  { properties = {}, required = [] }: Schema,
  next: (inner: unknown) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const needed = new Set(required as string[])
  const members = Object.entries(properties as Record<string, Schema>).map(([name, inner]) =>
    maybe(
      next(inner).map((value): [string, unknown] => [name, value]),
      needed.has(name) ? 20 : 1,
    ),
  )
  return fc
    .tuple(fc.tuple(...members), maybe(fc.tuple(oddText, oddValue), 0.1))
    .map(([given, odd]) => Object.fromEntries([...given, odd].filter((pair) => pair !== null)))
}
