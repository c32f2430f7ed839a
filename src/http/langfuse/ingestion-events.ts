import { z } from 'zod'
import { observationTypes, type ObservationType } from '../../domain/observation-types.ts'
import {
  eventBody,
  generationBody,
  spanBody,
  type ObservationBody,
} from './observation-to-event.ts'
import { strictInstant } from './requests.ts'
import { scoreBody, type ScoreBody } from './score-body.ts'
import { traceBody } from './trace-to-event.ts'

const maxIdLength = 800

/** What stands around each body of a batch (contracts/langfuse.md 2.7). */
export const envelope = z.object({
  id: z
    .string()
    .min(1)
    .max(maxIdLength)
    .regex(/^[^\r]*$/, 'id must not contain a carriage return'),
  type: z.string(),
  timestamp: strictInstant,
  metadata: z.unknown().optional(),
  body: z.unknown(),
})

/** A body that obeys its type. */
export type ReadBody =
  | { kind: 'trace'; rank: 'create'; body: z.output<typeof traceBody> }
  | { kind: 'observation'; rank: 'create' | 'update'; type: ObservationType; body: ObservationBody }
  | { kind: 'score'; rank: 'create'; body: ScoreBody }
  | { kind: 'log' }

/** @throws ZodError */
type BodyReader = (value: unknown) => ReadBody

/** Bodies of the old events name their own type. */
const namedType = z.object({ type: z.enum(observationTypes) })

const readers: ReadonlyMap<string, BodyReader> = new Map<string, BodyReader>([
  ['trace-create', (value) => ({ kind: 'trace', rank: 'create', body: traceBody.parse(value) })],
  ['score-create', (value) => ({ kind: 'score', rank: 'create', body: scoreBody.parse(value) })],
  ['sdk-log', () => ({ kind: 'log' })],
  ['span-create', observation('create', 'SPAN', spanBody)],
  ['span-update', observation('update', 'SPAN', spanBody)],
  ['event-create', observation('create', 'EVENT', eventBody)],
  ['generation-create', observation('create', 'GENERATION', generationBody)],
  ['generation-update', observation('update', 'GENERATION', generationBody)],
  ['agent-create', observation('create', 'AGENT', generationBody)],
  ['tool-create', observation('create', 'TOOL', generationBody)],
  ['chain-create', observation('create', 'CHAIN', generationBody)],
  ['retriever-create', observation('create', 'RETRIEVER', generationBody)],
  ['evaluator-create', observation('create', 'EVALUATOR', generationBody)],
  ['embedding-create', observation('create', 'EMBEDDING', generationBody)],
  ['guardrail-create', observation('create', 'GUARDRAIL', generationBody)],
  ['observation-create', observation('create', null, generationBody)],
  ['observation-update', observation('update', null, generationBody)],
])

/** @param type null: the body says */
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
