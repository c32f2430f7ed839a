import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FilterOperator, FilterValue, RunAttribute } from '../../../src/domain/filter.ts'
import {
  FilterSyntaxError,
  parseExampleFilter,
  parseRunFilter,
  parseSessionFilter,
  printFilter,
} from '../../../src/http/filter/filter-parse.ts'
import { arbitraryLangsmithFilter } from '../../support/arbitrary/run-filter-arbitrary.ts'

function is(attribute: RunAttribute, operator: FilterOperator, value: FilterValue) {
  return { kind: 'condition', attribute, operator, value }
}

function and(...terms: object[]) {
  return { kind: 'and', terms }
}

function or(...terms: object[]) {
  return { kind: 'or', terms }
}

function not(term: object) {
  return { kind: 'not', term }
}

/** Returns the error that parsing throws. */
function refusal(text: string, parse = parseRunFilter): FilterSyntaxError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof FilterSyntaxError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

const uuid = '0f6b2f0c-8d3e-4b57-9d61-3f1f6a1c2b11'

describe('real filters', () => {
  const collected: [string, object][] = [
    ['eq(status, "success")', is('status', 'eq', 'success')],
    [
      'and(eq(feedback_key, "correct"), gt(feedback_score, 0.5))',
      and(is('feedback_key', 'eq', 'correct'), is('feedback_score', 'gt', 0.5)),
    ],
    [
      'and(eq(feedback_key,"correctness"), gt(feedback_score, 0.5))',
      and(is('feedback_key', 'eq', 'correctness'), is('feedback_score', 'gt', 0.5)),
    ],
    [
      'and(eq(metadata_key, "uid"), eq(metadata_value, "0f…"))',
      and(is('metadata_key', 'eq', 'uid'), is('metadata_value', 'eq', '0f…')),
    ],
    [
      "and(eq(metadata_key,'test_run'),eq(metadata_value,'abc'))",
      and(is('metadata_key', 'eq', 'test_run'), is('metadata_value', 'eq', 'abc')),
    ],
    ['exists(metadata, "baz")', is('metadata', 'exists', 'baz')],
    ['exists(metadata, "lvl")', is('metadata', 'exists', 'lvl')],
    [`has("metadata", '{"foo": "bar"}')`, is('metadata', 'has', '{"foo": "bar"}')],
    [
      `and(not(has(metadata, '{"foo": "bar"}')), exists(metadata, "tenant_id"))`,
      and(not(is('metadata', 'has', '{"foo": "bar"}')), is('metadata', 'exists', 'tenant_id')),
    ],
    [
      'and(eq(run_type, "llm"), gt(latency, "5s"))',
      and(is('run_type', 'eq', 'llm'), is('latency', 'gt', 5)),
    ],
    [
      "and(eq(is_root, true), and(eq(metadata_key, 'model'), eq(metadata_value, 'gpt-4')))",
      and(
        is('is_root', 'eq', true),
        and(is('metadata_key', 'eq', 'model'), is('metadata_value', 'eq', 'gpt-4')),
      ),
    ],
    ['has(tags, "production")', is('tags', 'has', 'production')],
    ['neq(error, null)', is('error', 'neq', false)],
    ['search("text")', { kind: 'search', text: 'text' }],
    ['eq(thread_id, "thread-1")', is('thread_id', 'eq', 'thread-1')],
    [
      'and(gt(start_time, "2026-01-01T00:00:00Z"), or(neq(error, null), and(eq(feedback_key, "Correctness"), eq(feedback_score, 0.0))))',
      and(
        is('start_time', 'gt', '2026-01-01T00:00:00.000000Z'),
        or(
          is('error', 'neq', false),
          and(is('feedback_key', 'eq', 'Correctness'), is('feedback_score', 'eq', 0)),
        ),
      ),
    ],
    ['in(name, ["a", "b"])', is('name', 'in', ['a', 'b'])],
    [
      'and(eq(feedback_key,"a"), gt(feedback_score,0), eq(feedback_key,"b"), gt(feedback_score,0))',
      and(
        is('feedback_key', 'eq', 'a'),
        is('feedback_score', 'gt', 0),
        is('feedback_key', 'eq', 'b'),
        is('feedback_score', 'gt', 0),
      ),
    ],
    ['neq(metadata_key,"k")', is('metadata_key', 'neq', 'k')],
    ['eq(error, true)', is('error', 'eq', true)],
    ['eq(error, null)', is('error', 'eq', false)],
  ]
  test.each(collected)('%s', (text, tree) => {
    expect(parseRunFilter(text)).toEqual(tree)
    expect(parseRunFilter(printFilter(parseRunFilter(text)))).toEqual(tree)
  })

  test.each([
    `has(metadata, '{"foo": "bar"}')`,
    `has("metadata", '{"foo": "bar"}')`,
    'exists(metadata, "k")',
    `and(not(has(metadata, '{"foo": "bar"}')), or(exists(metadata, "a"), exists(metadata, "b")))`,
  ])('of examples: %s', (text) => {
    expect(parseExampleFilter(text)).toEqual(parseRunFilter(text))
  })
})

describe('different spellings', () => {
  test('whitespace is free', () => {
    expect(parseRunFilter(' and (\n eq ( name ,\t"a" ) , eq(name,"b"))  ')).toEqual(
      and(is('name', 'eq', 'a'), is('name', 'eq', 'b')),
    )
  })

  test('operators, booleans and null may be written in upper or lower case', () => {
    expect(parseRunFilter('AND(Eq(is_root, True), NOT(eq(end_time, NULL)))')).toEqual(
      and(is('is_root', 'eq', true), not(is('end_time', 'eq', null))),
    )
  })

  test('a flag may be written as a string', () => {
    expect(parseRunFilter('eq(is_root, "true")')).toEqual(is('is_root', 'eq', true))
  })

  test('an attribute may be written as a string', () => {
    expect(parseRunFilter(`eq("name", "a")`)).toEqual(is('name', 'eq', 'a'))
    expect(parseRunFilter(`search('inputs', "a")`)).toEqual(is('inputs', 'search', 'a'))
  })

  test('execution order 1 means the root', () => {
    expect(parseRunFilter('eq(execution_order, 1)')).toEqual(is('is_root', 'eq', true))
  })

  test('session_id is the experiment, and is printed as session_id', () => {
    const tree = parseRunFilter(`eq(session_id, "${uuid.toUpperCase()}")`)
    expect(tree).toEqual(is('experiment_id', 'eq', uuid))
    expect(printFilter(tree)).toBe(`eq(session_id, "${uuid}")`)
  })

  test('a time without a zone is UTC, and any fraction is read as microseconds', () => {
    expect(parseRunFilter('lt(end_time, "2026-01-01T00:00:00.5")')).toEqual(
      is('end_time', 'lt', '2026-01-01T00:00:00.500000Z'),
    )
  })

  test('booleans are the scores 1 and 0, and the texts true and false elsewhere', () => {
    expect(parseRunFilter('eq(feedback_score, True)')).toEqual(is('feedback_score', 'eq', 1))
    expect(parseRunFilter('in(feedback_score, [false, 0.5])')).toEqual(
      is('feedback_score', 'in', [0, 0.5]),
    )
    expect(parseRunFilter('eq(metadata_value, true)')).toEqual(is('metadata_value', 'eq', 'true'))
  })

  test('numbers have signs, fractions and exponents', () => {
    expect(parseRunFilter('in(total_cost, [-1, 0.25, 1e-6, -2.5E+3])')).toEqual(
      is('total_cost', 'in', [-1, 0.25, 1e-6, -2500]),
    )
  })

  test('a list may be empty', () => {
    expect(parseRunFilter('nin(name, [])')).toEqual(is('name', 'nin', []))
  })
})

describe('escapes', () => {
  test.each([
    [String.raw`eq(name, "a\"b\\c\/d\n\t\u00e9")`, 'a"b\\c/d\n\té'],
    [String.raw`eq(name, 'it\'s "so"')`, 'it\'s "so"'],
    [String.raw`eq(name, "\ud83d\ude00")`, '😀'],
    [String.raw`like(name, "50\%")`, String.raw`50\%`],
    ['eq(name, "😀 (and), [more]")', '😀 (and), [more]'],
  ])('%s', (text, value) => {
    expect(parseRunFilter(text)).toMatchObject({ value })
  })

  test('JSON between single quotes may be pasted as a serialiser wrote it', () => {
    const json = JSON.stringify({ say: 'a "word"\n', path: 'c:\\d' })
    expect(parseRunFilter(`has(metadata, '${json}')`)).toMatchObject({ value: json })
  })

  test('JSON between double quotes is escaped once more', () => {
    const json = JSON.stringify({ say: 'a "word"\n' })
    expect(parseRunFilter(`has(metadata, ${JSON.stringify(json)})`)).toMatchObject({ value: json })
  })

  test('in JSON, what jsonb cannot hold is replaced as it is when metadata is stored', () => {
    expect(parseRunFilter(String.raw`has(metadata, '{"a": "\u0000\ud800"}')`)).toMatchObject({
      value: String.raw`{"a": "\ufffd\ufffd"}`,
    })
  })
})

describe('refused, with the position', () => {
  test.each([
    ['', 0, 'expected a call'],
    ['   ', 3, 'found the end'],
    ['"a"', 0, 'expected a call'],
    ['eq(name, "a"', 12, 'expected ")", found the end'],
    ['eq(name, "a', 9, 'a string without end'],
    ['eq(name "a")', 8, 'expected ","'],
    ['eq(name, "a") eq(name, "b")', 14, 'nothing may follow'],
    ['and()', 4, 'expected a call'],
    ['not(eq(name, "a"), eq(name, "b"))', 17, 'expected ")"'],
    ['and(eq(name, "a"),)', 18, 'expected a call'],
    ['equals(name, "a")', 0, 'unknown operator "equals"'],
    ['eq(nme, "a")', 3, 'unknown attribute "nme"'],
    ['eq(constructor, "a")', 3, 'unknown attribute "constructor"'],
    ['and(eq(name, "a"), gt(name, "a"))', 19, 'gt does not work on name'],
    ['eq(latency)', 10, 'expected ","'],
    ['eq(12, 12)', 3, 'expected an attribute'],
    ['eq(name, 12)', 9, 'expected a string, found 12'],
    ['eq(name, [])', 9, 'expected a string, found a list'],
    ['eq(name, success)', 9, 'expected a value'],
    ['in(name, "a")', 9, 'expected a list'],
    ['in(name, ["a", 1])', 15, 'expected a string, found 1'],
    ['in(name, ["a", null])', 15, 'expected a string, found null'],
    ['in(name, [["a"]])', 10, 'a list holds no lists'],
    ['in(name, ["a",])', 14, 'expected a value'],
    ['gt(end_time, null)', 13, 'expected a string'],
    ['gt(total_tokens, "5")', 17, 'expected a number'],
    ['gt(latency, "5m")', 12, 'expected seconds'],
    ['eq(is_root, 1)', 12, 'expected true or false'],
    ['eq(is_root, null)', 12, 'expected true or false'],
    ['eq(execution_order, 2)', 20, 'compares with 1 only'],
    ['search(metadata, "a")', 0, 'search does not work on metadata'],
    ['search("name")x', 14, 'nothing may follow'],
    ['eq(total_tokens, 5s)', 18, 'a number ends in letters'],
    ['eq(total_tokens, .5)', 17, 'unexpected "."'],
    ['eq(name; "a")', 7, 'unexpected ";"'],
  ])('%s', (text, position, problem) => {
    const error = refusal(text)
    expect(error.position).toBe(position)
    expect(error.message).toContain(problem)
    expect(error.message).toContain(`(at position ${position})`)
  })

  test.each([
    ['a text that is no UUID', 'eq(id, "run-1")', 'expected a UUID'],
    ['a time that does not exist', 'gt(start_time, "2026-02-31")', 'expected an ISO 8601 time'],
    ['a word for a time', 'gt(start_time, "yesterday")', 'expected an ISO 8601 time'],
    ['NUL', String.raw`eq(name, "a\u0000")`, 'NUL'],
    ['a raw NUL', 'search("a\0")', 'NUL'],
    ['a number beyond double', 'gt(total_tokens, 1e999)', 'out of range'],
    ['JSON with a number beyond numeric', `has(metadata, '{"a": 1e999999}')`, 'out of range'],
    ['JSON with a number below numeric', `has(metadata, '{"a": 1e-99999}')`, 'out of range'],
    ['broken JSON', `has(metadata, '{"a": }')`, 'expected a JSON object'],
    ['JSON that is no object', `has(metadata, '["a"]')`, 'expected a JSON object'],
    [
      'JSON too deep for any parser',
      `has(metadata, '{"a": ${'['.repeat(7000)}${']'.repeat(7000)}}')`,
      'expected a JSON object',
    ],
    ['a pattern with a dangling escape', String.raw`like(name, "a\\")`, 'single backslash'],
  ])('what the database would refuse: %s', (_, text, problem) => {
    expect(refusal(text).message).toContain(problem)
  })

  test('more than 64 nested calls are refused, and 64 are not', () => {
    const nested = (depth: number) =>
      `${'not('.repeat(depth - 1)}eq(name, "a")${')'.repeat(depth - 1)}`
    expect(parseRunFilter(nested(64))).toMatchObject({ kind: 'not' })
    expect(refusal(nested(65)).position).toBe(64 * 4)
    expect(refusal('and('.repeat(4000)).message).toContain('more than 64 calls')
  })

  test('more than 16384 characters are refused, and 16384 are not', () => {
    const long = (length: number) => `eq(name, "${'a'.repeat(length - 12)}")`
    expect(parseRunFilter(long(16_384))).toMatchObject({ kind: 'condition' })
    expect(refusal(long(16_385)).message).toContain('longer than 16384')
  })

  test('attributes that examples and sessions do not have are refused', () => {
    expect(refusal('eq(name, "a")', parseExampleFilter).message).toContain('unknown attribute')
    expect(refusal('search("a")', parseExampleFilter).message).toContain('runs only')
    expect(refusal('eq(execution_order, 1)', parseExampleFilter).message).toContain('unknown')
    expect(parseSessionFilter('eq(name, "a")')).toEqual(is('name', 'eq', 'a'))
    expect(parseSessionFilter('gt(feedback_score, 0.5)')).toEqual(is('feedback_score', 'gt', 0.5))
    expect(refusal('eq(feedback_comment, "a")', parseSessionFilter).message).toContain('unknown')
  })
})

test('any text is either parsed or refused with a FilterSyntaxError whose position is within the text', () => {
  const pieces = fc.constantFrom(
    'and(',
    'eq(',
    'name',
    ',',
    ')',
    '"a"',
    "'",
    '[',
    ']',
    '5',
    'null',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      try {
        parseRunFilter(text)
      } catch (error) {
        if (!(error instanceof FilterSyntaxError)) throw error
        expect(error.position).toBeLessThanOrEqual(text.length)
      }
    }),
    { numRuns: 1000 },
  )
})

test('any tree, printed and parsed, is the same tree', () => {
  const filters = arbitraryLangsmithFilter({
    ids: fc.uuid(),
    times: fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().replace('Z', '000Z')),
    texts: fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    numbers: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    objects: fc
      .dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()))
      .map((value) => JSON.stringify(value)),
  })
  fc.assert(
    fc.property(filters, (filter) => {
      expect(parseRunFilter(printFilter(filter))).toEqual(filter)
    }),
    { numRuns: 1000 },
  )
})
