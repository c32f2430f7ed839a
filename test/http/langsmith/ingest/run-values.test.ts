import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LangsmithError } from '../../../../src/http/langsmith/errors.ts'
import { readRunValues, runValues } from '../../../../src/http/langsmith/ingest/run-payload.ts'
import { readValues } from '../../../../src/http/langsmith/payload-values.ts'

const uuid = '0b57f4b1-cf5c-4f0c-9d62-0b8c37e0a001'
const texts = fc.constantFrom(
  uuid,
  uuid.toUpperCase(),
  `${uuid}0`,
  'x',
  '',
  'a'.repeat(498),
  'a'.repeat(501),
  'llm',
  'chain',
  '2026-01-01',
  '2026-02-31T00:00:00Z',
  '2026-01-01T00:00:00.1234567+02:00',
  'a\0b',
  '"',
  '\ud800',
  'é',
)
const value = fc.oneof(
  texts.map((text) => JSON.stringify(text)),
  fc.constantFrom('1767225600000', '1767225600000.5', '-1', '1e400', '0', 'true', '{}', '[]'),
  fc.constantFrom('["a","\\u0000"]', '["a",1]', '"\\u0061"', '"ll\\u006d"', '"llm "'),
)
const fields = fc
  .dictionary(fc.constantFrom(...Object.keys(runValues.shape), 'other'), value, { maxKeys: 4 })
  .map((object) => new Map(Object.entries(object)))
const id = fc.constantFrom(null, null, uuid, uuid.toUpperCase(), 'x')

function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof LangsmithError)) throw error
    return error.detail
  }
}

test('what is read without the schema is what the schema reads, and so are the errors', () => {
  fc.assert(
    fc.property(fields, id, (given, known) => {
      const bySchema = outcome(() =>
        readValues(runValues, [], given, ['body'], known === null ? {} : { id: known }),
      )
      expect(outcome(() => readRunValues(given, known, ['body']))).toEqual(bySchema)
    }),
    { numRuns: 3000 },
  )
})
