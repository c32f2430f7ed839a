import { z } from 'zod'
import { observationTypes, type ObservationType } from '../../../domain/observation-types.ts'
import {
  eventBody,
  generationBody,
  spanBody,
  type ObservationBody,
} from './observation-to-event.ts'
import { clientId, strictInstant } from '../requests.ts'
import { scoreBody, type ScoreBody } from './score-body.ts'
import { traceBody } from './trace-to-event.ts'

/** The envelope around the body of each event (contracts/langfuse.md 2.7). */
export const envelope = z.object({
  id: clientId.min(1),
  type: z.string(),
  timestamp: strictInstant,
  metadata: z.unknown().optional(),
  body: z.unknown(),
})

/** A body that was validated as its type. */
export type ReadBody =
  | { kind: 'trace'; rank: 'create'; body: z.output<typeof traceBody> }
  | { kind: 'observation'; rank: 'create' | 'update'; type: ObservationType; body: ObservationBody }
  | { kind: 'score'; rank: 'create'; body: ScoreBody }
  | { kind: 'log' }

/** @throws ZodError */
type BodyReader = (value: unknown) => ReadBody

/** Bodies of the old `observation-*` events name their own type. */
const namedType = z.object({ type: z.enum(observationTypes) })

type ObservationEvent = [
  name: string,
  rank: 'create' | 'update',
  /** Null when the body names the type. */
  type: ObservationType | null,
  schema: z.ZodType<ObservationBody>,
]

const observationEvents: readonly ObservationEvent[] = [
  ['span-create', 'create', 'SPAN', spanBody],
  ['span-update', 'update', 'SPAN', spanBody],
  ['event-create', 'create', 'EVENT', eventBody],
  ['generation-create', 'create', 'GENERATION', generationBody],
  ['generation-update', 'update', 'GENERATION', generationBody],
  ['agent-create', 'create', 'AGENT', generationBody],
  ['tool-create', 'create', 'TOOL', generationBody],
  ['chain-create', 'create', 'CHAIN', generationBody],
  ['retriever-create', 'create', 'RETRIEVER', generationBody],
  ['evaluator-create', 'create', 'EVALUATOR', generationBody],
  ['embedding-create', 'create', 'EMBEDDING', generationBody],
  ['guardrail-create', 'create', 'GUARDRAIL', generationBody],
  ['observation-create', 'create', null, generationBody],
  ['observation-update', 'update', null, generationBody],
]

const readers: ReadonlyMap<string, BodyReader> = new Map<string, BodyReader>([
  ['trace-create', (value) => ({ kind: 'trace', rank: 'create', body: traceBody.parse(value) })],
  ['score-create', (value) => ({ kind: 'score', rank: 'create', body: scoreBody.parse(value) })],
  ['sdk-log', () => ({ kind: 'log' })],
  ...observationEvents.map(([name, ...event]): [string, BodyReader] => [
    name,
    observation(...event),
  ]),
])

/** Documents an event of a batch; `envelope` and `readBody` validate each event by itself. */
export const ingestionEvent = z.union([
  documented('trace-create', traceBody),
  documented('score-create', scoreBody),
  documented('sdk-log', z.object({ log: z.unknown() })),
  ...observationEvents.map(([name, , type, schema]) =>
    documented(name, type === null ? z.intersection(schema, namedType) : schema),
  ),
])

function documented(name: string, body: z.ZodType) {
  return envelope.extend({ type: z.literal(name), body })
}

function observation(
  rank: 'create' | 'update',
  type: ObservationType | null,
  schema: z.ZodType<ObservationBody>,
): BodyReader {
  return (value) => ({
    kind: 'observation',
    rank,
    type: type ?? namedType.parse(value).type,
    body: schema.parse(value),
  })
}

/** @throws ZodError with paths inside the event */
export function readBody(type: string, value: unknown): ReadBody {
  const read = readers.get(type)
  if (read === undefined) {
    throw new z.ZodError([
      {
        code: 'invalid_value',
        values: [...readers.keys()],
        input: type,
        path: ['type'],
        message: 'Invalid input: unknown event type',
      },
    ])
  }
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    throw new z.ZodError(error.issues.map((issue) => ({ ...issue, path: ['body', ...issue.path] })))
  }
}
