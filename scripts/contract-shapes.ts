/* Reads OpenAPI documents as far as the contract check needs them: which values a schema accepts. */

export interface Schema {
  $ref?: string
  type?: string | string[]
  nullable?: boolean
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  allOf?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  not?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
}

export interface Parameter {
  name: string
  in: string
  required?: boolean
  schema?: Schema
}

export interface Operation {
  parameters?: Parameter[]
  requestBody?: { content?: Record<string, { schema?: Schema }> }
  responses?: Record<string, { content?: Record<string, { schema?: Schema }> }>
}

export interface Document {
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** Which values a schema accepts. */
export interface Shape {
  /** True when it accepts anything at all. */
  isAny: boolean
  /**
   * JSON type to the accepted values as JSON, or to null when every value of the type is accepted. `null` is a type
   * here.
   */
  accepts: ReadonlyMap<string, ReadonlySet<string> | null>
  /** The properties of objects. */
  properties: ReadonlyMap<string, Schema>
  required: ReadonlySet<string>
  /** The items of arrays; null when they can be anything. */
  items: Schema | null
}

const anything: Shape = {
  isAny: true,
  accepts: new Map(),
  properties: new Map(),
  required: new Set(),
  items: null,
}

/**
 * Returns what a schema accepts.
 * @throws Error when a `$ref` leads nowhere
 */
export function shapeOf(schema: Schema, document: Document): Shape {
  const { $ref, allOf, anyOf, oneOf, nullable = false, ...own } = schema
  const shapes = [
    ownShape(own),
    ...($ref === undefined ? [] : [shapeOf(resolve($ref, document), document)]),
    ...(allOf ?? []).map((each) => shapeOf(each, document)),
    ...[anyOf, oneOf]
      .filter((branches) => branches !== undefined)
      .map((branches) => branches.map((branch) => shapeOf(branch, document)).reduce(either)),
  ]
  const shape = shapes.reduce(both)
  if (!nullable || shape.isAny) return shape
  return { ...shape, accepts: new Map([...shape.accepts, ['null', null]]) }
}

function resolve(ref: string, document: Document): Schema {
  const found = document.components?.schemas?.[ref.replace('#/components/schemas/', '')]
  if (found === undefined) throw new Error(`${ref} is not in the document`)
  return found
}

function ownShape(schema: Schema): Shape {
  const values = valuesOf(schema)
  const types = [schema.type ?? impliedTypes(schema, values)].flat()
  if (types.length === 0 && schema.not === undefined) return anything
  const accepts = new Map<string, Set<string> | null>()
  for (const type of types) {
    const ofType = (values ?? []).filter((value) => isOfType(value, type))
    if (type === 'null' || values === null) accepts.set(type, null)
    else if (ofType.length > 0) accepts.set(type, new Set(ofType.map((value) => jsonOf(value))))
  }
  return {
    isAny: false,
    accepts,
    properties: new Map(Object.entries(schema.properties ?? {})),
    required: new Set(schema.required),
    items: schema.items ?? null,
  }
}

function valuesOf(schema: Schema): unknown[] | null {
  if (schema.enum !== undefined) return schema.enum
  if ('const' in schema) return [schema.const]
  const { minimum, maximum } = schema
  return minimum !== undefined && minimum === maximum ? [minimum] : null
}

function impliedTypes(schema: Schema, values: unknown[] | null): string[] {
  if (values !== null) return [...new Set(values.map((value) => typeOf(value)))]
  if (schema.properties !== undefined || schema.required !== undefined) return ['object']
  return schema.items === undefined ? [] : ['array']
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

function isOfType(value: unknown, type: string): boolean {
  return typeOf(value) === (type === 'integer' ? 'number' : type)
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

/** Returns what both accept. The properties of objects are taken together. */
function both(a: Shape, b: Shape): Shape {
  if (a.isAny) return b
  if (b.isAny) return a
  const accepts = new Map<string, ReadonlySet<string> | null>()
  for (const [type, values] of a.accepts) {
    const others = b.accepts.get(type)
    if (others === undefined) continue
    accepts.set(
      type,
      values === null || others === null
        ? (values ?? others)
        : new Set([...values].filter((value) => others.has(value))),
    )
  }
  return {
    isAny: false,
    accepts,
    properties: new Map([...a.properties, ...b.properties]),
    required: new Set([...a.required, ...b.required]),
    items: a.items ?? b.items,
  }
}

/** Returns what at least one of them accepts. A field is required only where both kinds of object require it. */
function either(a: Shape, b: Shape): Shape {
  if (a.isAny || b.isAny) return anything
  const accepts = new Map(a.accepts)
  for (const [type, values] of b.accepts) {
    const others = accepts.get(type)
    accepts.set(
      type,
      others === null || values === null ? null : new Set([...values, ...(others ?? [])]),
    )
  }
  const properties = new Map(a.properties)
  for (const [name, schema] of b.properties) {
    const other = properties.get(name)
    properties.set(name, other === undefined ? schema : { anyOf: [other, schema] })
  }
  return {
    isAny: false,
    accepts,
    properties,
    required: requiredByEither(a, b),
    items: itemsOfEither(a, b),
  }
}

function requiredByEither(a: Shape, b: Shape): ReadonlySet<string> {
  if (!a.accepts.has('object')) return b.required
  if (!b.accepts.has('object')) return a.required
  return new Set([...a.required].filter((name) => b.required.has(name)))
}

function itemsOfEither(a: Shape, b: Shape): Schema | null {
  if (!a.accepts.has('array')) return b.items
  if (!b.accepts.has('array')) return a.items
  return a.items === null || b.items === null ? null : { anyOf: [a.items, b.items] }
}
