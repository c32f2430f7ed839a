import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { violationsOf, type SchemaProblem } from '../../json-schema.ts'
import { invalidRequest } from '../errors.ts'

/** Longest schema, in characters of JSON (contracts/langfuse.md 2.3). */
const maxSchemaLength = 10_000

/** True for an object that compiles as a strict JSON Schema. References to other documents are refused, not fetched. */
export function isJsonSchema(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false
  if (JSON.stringify(schema).length > maxSchemaLength) return false
  const { $schema: draft, $async: _async, ...rest } = schema as Record<string, unknown>
  const options = { strict: true, validateFormats: false, logger: false } as const
  const isNewDraft = typeof draft === 'string' && /20(?:19-09|20-12)/.test(draft)
  try {
    const ajv = isNewDraft ? new Ajv2020(options) : new Ajv(options)
    ajv.compile(rest)
    return true
  } catch {
    return false
  }
}

/** The payloads of an item as JSON text. */
type Payloads = Pick<Example, 'inputs' | 'outputs'>
type Schemas = Partial<Pick<Dataset, 'inputsSchema' | 'outputsSchema'>>

/** @throws LangfuseError 400 when an item breaks a schema of its dataset. What is absent is validated as null */
export function checkItem(schemas: Schemas, item: Payloads): void {
  const { input, expectedOutput } = problemsOf(schemas, item)
  const sentences = [
    ...input.slice(0, 1).map((problem) => `Input validation failed: ${sentenceOf(problem)}`),
    ...expectedOutput
      .slice(0, 1)
      .map((problem) => `Expected output validation failed: ${sentenceOf(problem)}`),
  ]
  if (sentences.length > 0) {
    throw invalidRequest(`Dataset item validation failed: ${sentences.join('; ')}`)
  }
}

/** After this many invalid items the check stops; an error names at most this many violations. */
const maxViolations = 10

interface Violation {
  datasetItemId: string
  field: 'input' | 'expectedOutput'
  errors: { path: string; message: string }[]
}

/**
 * Checks the items of a dataset against new schemas, page by page. `finish` throws when an item broke them; `check`
 * throws as soon as too many have. Both throw LangfuseError 400.
 */
export function checkAllItems(schemas: Schemas): {
  check(page: Example[]): void
  finish(): void
} {
  const violations: Violation[] = []
  const items = new Set<string>()
  const refuse = (count: string) => {
    const details = JSON.stringify(violations.slice(0, maxViolations))
    return invalidRequest(`Schema validation failed for ${count} item(s). Details: ${details}`)
  }
  return {
    check(page) {
      for (const example of page) {
        const id = example.externalId ?? example.id
        for (const [field, problems] of Object.entries(problemsOf(schemas, example))) {
          if (problems.length === 0) continue
          items.add(id)
          const errors = problems.map(({ path, message }) => ({
            path: `/${path.join('/')}`,
            message,
          }))
          violations.push({ datasetItemId: id, field: field as Violation['field'], errors })
        }
        if (items.size > maxViolations) throw refuse(`more than ${maxViolations}`)
      }
    },
    finish() {
      if (items.size > 0) throw refuse(String(items.size))
    },
  }
}

function problemsOf(
  { inputsSchema = null, outputsSchema = null }: Schemas,
  { inputs, outputs }: Payloads,
): Record<Violation['field'], SchemaProblem[]> {
  return {
    input: inputsSchema === null ? [] : violationsOf(inputsSchema, inputs ?? 'null'),
    expectedOutput: outputsSchema === null ? [] : violationsOf(outputsSchema, outputs ?? 'null'),
  }
}

function sentenceOf({ path, message }: SchemaProblem): string {
  return path.length === 0 ? message : `/${path.join('/')} ${message}`
}
