import { describe, expect, test } from 'vitest'
import { compareContracts } from '../scripts/contract-compare.ts'
import type { Document, Parameter, Schema } from '../scripts/contract-shapes.ts'

const asIs = (path: string) => path

function compare(vendor: Document, ours: Document) {
  return compareContracts(vendor, ours, asIs).differences
}

function bodies(theirs: Schema, own: Schema, type = 'application/json') {
  return compare(documentOf(theirs, type), documentOf(own, type))
}

function documentOf(schema: Schema, type: string): Document {
  return { paths: { '/runs': { post: { requestBody: { content: { [type]: { schema } } } } } } }
}

function queries(theirs: Omit<Parameter, 'in'>[], own: Omit<Parameter, 'in'>[]) {
  const withQuery = (parameters: Omit<Parameter, 'in'>[]): Document => ({
    paths: {
      '/runs': { get: { parameters: parameters.map((each) => ({ ...each, in: 'query' })) } },
    },
  })
  return compare(withQuery(theirs), withQuery(own))
}

function object(properties: Record<string, Schema>, required: string[] = []): Schema {
  return { type: 'object', properties, required }
}

const text: Schema = { type: 'string' }

describe('a difference', () => {
  test('is a route or a method that we lack', () => {
    const vendor = { paths: { '/a': { get: {}, post: {} }, '/b': { get: {} } } }
    expect(compare(vendor, { paths: { '/a': { get: {} } } })).toEqual([
      'POST /a: missing route',
      'GET /b: missing route',
    ])
  })

  test('is a parameter that we lack, or that only we require', () => {
    const theirs = [{ name: 'limit', schema: text }]
    const own = [{ name: 'cursor', required: true, schema: text }]
    expect(queries(theirs, own)).toEqual([
      'GET /runs: query.cursor: required by us alone',
      'GET /runs: query.limit: missing parameter',
    ])
  })

  test('is a field that we lack, or that only we require, at any depth', () => {
    const theirs = object({ list: { type: 'array', items: object({ a: text, b: text }, ['b']) } })
    const own = object({ list: { type: 'array', items: object({ b: text, c: text }, ['b', 'c']) } })
    expect(bodies(theirs, own)).toEqual([
      'POST /runs: body.list[].c: required by us alone',
      'POST /runs: body.list[].a: missing field',
    ])
  })

  test('is a type, a null or a value that we refuse', () => {
    const theirs = object({
      type: { anyOf: [text, { type: 'object' }] },
      nothing: { type: 'string', nullable: true },
      value: { enum: ['a', 'b'] },
      free: text,
      number: { type: 'number' },
      any: {},
    })
    const own = object({
      type: text,
      nothing: text,
      value: { enum: ['a'] },
      free: { enum: ['x'] },
      number: { type: 'integer' },
      any: text,
    })
    expect(bodies(theirs, own)).toEqual([
      'POST /runs: body.type: refuses object',
      'POST /runs: body.nothing: refuses null',
      'POST /runs: body.value: refuses "b"',
      'POST /runs: body.free: refuses any string but "x"',
      'POST /runs: body.number: refuses number',
      'POST /runs: body.any: refuses some types: theirs may be anything',
    ])
  })

  test('is a body whose fields are not described', () => {
    expect(bodies(object({ a: text }), {})).toEqual([
      'POST /runs: body: application/json is not declared',
    ])
    expect(bodies(object({ a: object({ b: text }) }), object({ a: {} }))).toEqual([
      'POST /runs: body.a: its fields are not declared',
    ])
  })
})

describe('no difference', () => {
  test('is another name for a path parameter, or another prefix of the route', () => {
    const vendor = { paths: { '/api/v1/runs/{run_id}': { get: {} } } }
    const ours = { paths: { '/runs/{id}': { get: {} } } }
    const place = (path: string) => path.replace('/api/v1', '')
    expect(compareContracts(vendor, ours, place).differences).toEqual([])
  })

  test('is something that we accept in addition, or do not require although the vendor does', () => {
    const theirs = object({ a: { type: 'integer' }, b: text }, ['b'])
    const own = object({ a: { anyOf: [{ type: 'number' }, text] }, b: text, c: text })
    expect(bodies(theirs, own)).toEqual([])
  })

  test('is a schema written with references, allOf or alternatives instead', () => {
    const vendor = {
      ...documentOf({ $ref: '#/components/schemas/Run' }, 'application/json'),
      components: {
        schemas: {
          Run: { allOf: [{ $ref: '#/components/schemas/Base' }, object({ b: text })] },
          Base: { oneOf: [object({ a: text }, ['a']), object({ a: { type: 'integer' } })] },
        },
      },
    }
    const own = object({ a: { anyOf: [text, { type: 'integer' }] }, b: text })
    expect(compare(vendor, documentOf(own, 'application/json'))).toEqual([])
    expect(compare(vendor, documentOf(object({ a: text, b: text }), 'application/json'))).toEqual([
      'POST /runs: body.a: refuses integer',
    ])
  })

  test('is a number, a null or a single value in a query or a form, where everything is text', () => {
    const theirs = object({ limit: { type: 'integer', nullable: true }, id: text })
    const own = object({ limit: text, id: { type: 'array', items: text } })
    expect(bodies(theirs, own, 'multipart/form-data')).toEqual([])
    expect(bodies(theirs, own)).toEqual([
      'POST /runs: body.limit: refuses integer, null',
      'POST /runs: body.id: refuses string',
    ])
  })
})
