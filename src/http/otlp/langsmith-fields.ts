import type { JsonText, RunType } from '../../domain/entities.ts'
import type { EventOf } from '../../domain/events.ts'
import { isUuid } from '../../domain/ids.ts'
import { findUsage } from '../../domain/usage-metadata.ts'
import { jsonOfValue, textOf } from './attribute-reader.ts'
import type { Span } from './decode.ts'
import { readPythonRepr } from './python-repr.ts'

type RunPatch = EventOf<'run'>['patch']

const runTypes: readonly string[] = [
  'llm',
  'chain',
  'tool',
  'retriever',
  'embedding',
  'prompt',
  'parser',
] satisfies RunType[]

/**
 * What LangSmith's exporters say of a run, as its other requests say it (contracts/langsmith.md 2.11): the exact run type,
 * the example, usage with details and costs, and the error.
 * @param outputs of the run, which may hold the usage
 */
export function langsmithPatch(span: Span, outputs: JsonText | null): RunPatch {
  const kind = textAt(span, 'langsmith.span.kind')?.toLowerCase() ?? ''
  const isRun = runTypes.includes(kind)
  const example = textAt(span, 'langsmith.reference_example_id')
  const noted =
    span.attributes.get('langsmith.usage_metadata') ??
    span.attributes.get('langsmith.metadata.usage_metadata')
  const error = isRun && span.hasError ? errorOf(span) : null
  const sentInputs = isRun ? jsonInBytes(span, 'gen_ai.prompt') : null
  const sentOutputs = isRun ? jsonInBytes(span, 'gen_ai.completion') : null
  return {
    ...(isRun ? { runType: kind as RunType } : {}),
    ...(sentInputs === null ? {} : { inputs: sentInputs }),
    ...(sentOutputs === null ? {} : { outputs: sentOutputs }),
    ...(example !== null && isUuid(example) ? { referenceExampleId: example.toLowerCase() } : {}),
    ...(isRun || noted !== undefined
      ? findUsage(
          sentOutputs ?? outputs,
          `{"usage_metadata":${noted === undefined ? counted(span) : jsonOfValue(noted)}}`,
        )
      : {}),
    ...(error === null ? {} : { error: JSON.stringify(error) }),
  }
}

/** The usage of a span whose outputs are hidden, in the shape of `usage_metadata`. */
function counted({ attributes }: Span): JsonText {
  const names = ['input_tokens', 'output_tokens', 'total_tokens']
  const details = ['input_token_details', 'output_token_details']
  return JSON.stringify({
    ...Object.fromEntries(names.map((name) => [name, attributes.get(`gen_ai.usage.${name}`)])),
    ...Object.fromEntries(
      details.map((name) => [
        name,
        detailsOf(textOf(attributes.get(`gen_ai.usage.${name}`) ?? null)),
      ]),
    ),
  })
}

/** Reads JSON (JavaScript) or the text of a dict (Python). */
function detailsOf(text: string | null): unknown {
  if (text === null) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return readPythonRepr(text)
  }
}

/** Python's SDK before 0.15 sends objects as bytes, which are base64 here. */
function jsonInBytes({ attributes }: Span, key: string): JsonText | null {
  const value = attributes.get(key)
  // `{"` and `{}`.
  if (typeof value !== 'string' || !/^(?:eyJ|e30=$)/.test(value)) return null
  const text = jsonOfValue(Buffer.from(value, 'base64').toString('utf8'))
  return text.startsWith('{') ? text : null
}

function errorOf({ events, statusMessage }: Span): string | null {
  const exception = events.find(({ name }) => name === 'exception')
  return textOf(exception?.attributes.get('exception.message') ?? null) ?? textOf(statusMessage)
}

function textAt({ attributes }: Span, key: string): string | null {
  return textOf(attributes.get(key) ?? null)
}
