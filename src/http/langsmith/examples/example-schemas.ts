import type { JsonText } from '../../../domain/entities.ts'
import { compileJsonSchema, JsonSchemaError, violationsOf } from '../../json-schema.ts'
import { invalid, LangsmithError } from '../errors.ts'

/** The JSON Schemas that the examples of a dataset must fit. */
export interface ExampleSchemas {
  inputsSchema: JsonText | null
  outputsSchema: JsonText | null
}

/** Longest schema, in characters of JSON: ten times what Langfuse allows, because types that nest are written out. */
const maxSchemaLength = 100_000

/** @throws LangsmithError 422 when the text is not a JSON Schema, or too long */
export function assertJsonSchema(schema: JsonText | null, field: string): void {
  if (schema === null) return
  if (schema.length > maxSchemaLength) {
    throw invalid(['body', field], `A schema may have at most ${maxSchemaLength} characters`)
  }
  try {
    compileJsonSchema(schema)
  } catch (error) {
    if (error instanceof JsonSchemaError) throw invalid(['body', field], error.message)
    throw error
  }
}

/** @throws LangsmithError 422 that lists every way in which inputs or outputs break the dataset's schemas */
export function assertExampleFits(
  { inputsSchema, outputsSchema }: ExampleSchemas,
  { inputs, outputs }: { inputs: JsonText | null; outputs: JsonText | null },
  loc: (string | number)[],
): void {
  const details = [
    ...problemsOf(inputsSchema, inputs ?? '{}', [...loc, 'inputs']),
    // An example without reference outputs is valid under any schema of outputs.
    ...(outputs === null ? [] : problemsOf(outputsSchema, outputs, [...loc, 'outputs'])),
  ]
  if (details.length > 0) throw new LangsmithError(422, details)
}

function problemsOf(schema: JsonText | null, value: JsonText, loc: (string | number)[]) {
  if (schema === null) return []
  return violationsOf(schema, value).map(({ path, message }) => ({
    loc: [...loc, ...path],
    msg: message,
    type: 'schema_violation',
  }))
}
