/* Finds what a vendor's OpenAPI document promises and ours does not. */
import {
  shapeOf,
  type Document,
  type Operation,
  type Parameter,
  type Schema,
  type Shape,
} from './contract-shapes.ts'

export interface Comparison {
  /** How many routes, parameters and body fields of the vendor were compared. */
  checks: number
  /** One line each, such as `POST /runs: body.name: missing field`. */
  differences: string[]
  /** How many of our answers have a schema. They are not compared. */
  declaredAnswers: number
}

interface Side {
  schema: Schema
  document: Document
}

/** Where a value is sent. In a query or a form all values are text, and a list of one looks like a single value. */
type Location = 'form' | 'body'

const methods = ['get', 'post', 'put', 'patch', 'delete']

/**
 * Fields nested deeper than this are not compared: a schema that contains itself has been seen often enough by then.
 */
const maxDepth = 6

/**
 * Compares all routes of a vendor's document with ours.
 * @param toOurPath returns our path for a path of the vendor, e.g. `/runs` for `/api/v1/runs`
 */
export function compareContracts(
  vendor: Document,
  ours: Document,
  toOurPath: (path: string) => string,
): Comparison {
  const known = new Map(Object.entries(ours.paths).map(([path, item]) => [nameless(path), item]))
  const result: Comparison = { checks: 0, differences: [], declaredAnswers: 0 }
  const seen = new Set<string>()
  for (const [vendorPath, item] of Object.entries(vendor.paths)) {
    const path = toOurPath(vendorPath)
    for (const method of methods) {
      const operation = item[method]
      const route = `${method.toUpperCase()} ${path}`
      if (operation === undefined) continue
      result.checks++
      const own = known.get(nameless(path))?.[method]
      if (own === undefined) {
        result.differences.push(`${route}: missing route`)
        continue
      }
      const found: string[] = []
      result.checks += compareQueries(operation, own, { vendor, ours, found })
      result.checks += compareBodies(operation, own, { vendor, ours, found })
      result.differences.push(...found.map((line) => `${route}: ${line}`))
      // Some routes of LangSmith are listed twice, with and without their prefix.
      if (!seen.has(nameless(route))) result.declaredAnswers += countAnswers(own)
      seen.add(nameless(route))
    }
  }
  result.differences = [...new Set(result.differences)]
  return result
}

function nameless(path: string): string {
  return path.replace(/\{[^}]*\}/g, '{}')
}

function countAnswers({ responses = {} }: Operation): number {
  return Object.values(responses).filter(({ content }) => content !== undefined).length
}

interface Documents {
  vendor: Document
  ours: Document
  found: string[]
}

function compareQueries(theirs: Operation, own: Operation, documents: Documents): number {
  const { vendor, ours, found } = documents
  const wanted = queryOf(theirs)
  const known = queryOf(own)
  for (const [name, parameter] of known) {
    if (parameter.required === true && wanted.get(name)?.required !== true) {
      found.push(`query.${name}: required by us alone`)
    }
  }
  for (const [name, parameter] of wanted) {
    const mine = known.get(name)
    if (mine === undefined) {
      found.push(`query.${name}: missing parameter`)
      continue
    }
    const there = { schema: parameter.schema ?? {}, document: vendor }
    const here = { schema: mine.schema ?? {}, document: ours }
    compare(there, here, { at: `query.${name}`, place: 'form', depth: 0, found })
  }
  return wanted.size
}

function queryOf({ parameters = [] }: Operation): Map<string, Parameter> {
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  return new Map(inQuery.map((parameter) => [parameter.name, parameter]))
}

function compareBodies(theirs: Operation, own: Operation, documents: Documents): number {
  const { vendor, ours, found } = documents
  let checks = 0
  for (const [type, { schema = {} }] of Object.entries(theirs.requestBody?.content ?? {})) {
    const mine = own.requestBody?.content?.[type]?.schema
    if (mine === undefined || (shapeOf(mine, ours).isAny && !shapeOf(schema, vendor).isAny)) {
      checks++
      found.push(`body: ${type} is not declared`)
      continue
    }
    const place = type === 'multipart/form-data' ? 'form' : 'body'
    const there = { schema, document: vendor }
    const here = { schema: mine, document: ours }
    checks += compare(there, here, { at: 'body', place, depth: 0, found })
  }
  return checks
}

interface Where {
  at: string
  place: Location
  depth: number
  found: string[]
}

/**
 * Compares two schemas.
 * @returns how many fields were compared, this one included
 */
function compare(theirs: Side, own: Side, where: Where): number {
  const { at, place, depth, found } = where
  const vendor = shapeOf(theirs.schema, theirs.document)
  const ours = shapeOf(own.schema, own.document)
  if (ours.isAny) {
    if (hasFields(vendor, theirs.document)) found.push(`${at}: its fields are not declared`)
    return 1
  }
  const refused = refusals(vendor, own, ours, place)
  if (refused !== '') found.push(`${at}: refuses ${refused}`)
  if (depth === maxDepth) return 1
  let checks = 1
  if (vendor.accepts.has('array') && ours.accepts.has('array')) {
    checks += compare(
      { ...theirs, schema: vendor.items ?? {} },
      { ...own, schema: ours.items ?? {} },
      { ...where, at: `${at}[]`, depth: depth + 1 },
    )
  }
  if (vendor.accepts.has('object') && ours.accepts.has('object')) {
    checks += compareFields({ ...theirs, shape: vendor }, { ...own, shape: ours }, where)
  }
  return checks
}

function hasFields({ properties, items }: Shape, document: Document): boolean {
  if (properties.size > 0) return true
  return items !== null && shapeOf(items, document).properties.size > 0
}

interface ObjectSide extends Side {
  shape: Shape
}

function compareFields(theirs: ObjectSide, own: ObjectSide, where: Where): number {
  const { at, depth, found } = where
  for (const name of own.shape.required) {
    if (!theirs.shape.required.has(name)) found.push(`${at}.${name}: required by us alone`)
  }
  // An object without declared fields is a map from any name to some value.
  const isFree = own.shape.properties.size === 0
  let checks = 0
  for (const [name, schema] of theirs.shape.properties) {
    const mine = own.shape.properties.get(name)
    if (mine !== undefined) {
      const next = { ...where, at: `${at}.${name}`, depth: depth + 1 }
      checks += compare({ ...theirs, schema }, { ...own, schema: mine }, next)
    } else {
      checks++
      if (!isFree) found.push(`${at}.${name}: missing field`)
    }
  }
  return checks
}

/** Describes what the vendor takes and we do not; empty when there is nothing. */
function refusals(vendor: Shape, own: Side, ours: Shape, place: Location): string {
  const taken = place === 'form' ? withSingles(ours, own.document) : ours.accepts
  if (vendor.isAny) {
    return place === 'form' || taken.size >= 6 ? '' : 'some types: theirs may be anything'
  }
  const words: string[] = []
  for (const [type, values] of vendor.accepts) {
    const mine = valuesTaken(type, taken, place)
    if (mine === undefined) words.push(type)
    else if (mine === null) continue
    else if (values === null && type === 'boolean' && mine.size >= 2) continue
    else if (values === null) words.push(`any ${type} but ${[...mine].join(', ')}`)
    else words.push(...[...values].filter((value) => !mine.has(value)))
  }
  return words.join(', ')
}

type Accepts = Shape['accepts']

/** Adds the single value that may take the place of a list of such values. */
function withSingles({ accepts, items }: Shape, document: Document): Accepts {
  if (!accepts.has('array')) return accepts
  const single = items === null ? new Map([['string', null]]) : shapeOf(items, document).accepts
  return new Map([...single, ...accepts])
}

/** Returns which values of the type are taken: null for all, undefined for none. */
function valuesTaken(
  type: string,
  accepts: Accepts,
  place: Location,
): ReadonlySet<string> | null | undefined {
  const name = type === 'integer' && !accepts.has('integer') ? 'number' : type
  if (place === 'body' || accepts.has(name)) return accepts.get(name)
  // A form holds neither null nor objects, and all of it is text.
  if (type === 'null' || type === 'object') return null
  return type === 'array' ? undefined : accepts.get('string')
}
