import { z } from 'zod'
import { clientId, strictInstant, text } from '../requests.ts'
import { lookupName } from './trace-to-event.ts'

export const scoreDataTypes = ['NUMERIC', 'CATEGORICAL', 'BOOLEAN', 'TEXT', 'CORRECTION'] as const

export type ScoreDataType = (typeof scoreDataTypes)[number]

const maxTextLength = 500

const subjectFields = ['traceId', 'sessionId', 'datasetRunId', 'observationId']

const subjectRule =
  'Provide exactly one of the following: traceId (with optional observationId), sessionId or datasetRunId. ObservationId requires traceId.'

/** Body of `score-create` (contracts/langfuse.md 2.6.1). `metadata` stays JSON text. */
export const scoreBody = z
  .object({
    id: clientId.nullish(),
    // Names are in an index, which limits their length.
    name: text.pipe(z.string().min(1).max(500)),
    traceId: z.string().nullish(),
    observationId: z.string().nullish(),
    sessionId: lookupName.nullish(),
    datasetRunId: z.string().nullish(),
    value: z.union([z.number(), z.string(), z.boolean()]),
    dataType: z.enum(scoreDataTypes).optional(),
    configId: text.nullish(),
    comment: text.nullish(),
    queueId: text.nullish(),
    metadata: z.unknown().optional(),
    environment: z.unknown().optional(),
    source: z.enum(['API', 'ANNOTATION', 'EVAL']).nullish(),
  })
  .superRefine((body, context) => {
    const fail = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    const { traceId, observationId, sessionId, datasetRunId, dataType } = body
    const subjects = [traceId, sessionId, datasetRunId].filter(Boolean).length
    if (subjects !== 1 || (observationId && !traceId)) fail(subjectFields, subjectRule)
    const expected = dataType === undefined ? null : expectedValue(dataType, body.value)
    if (expected !== null) fail(['value'], expected)
    if (dataType === 'CORRECTION') {
      if (body.configId) fail(['configId'], 'A correction cannot have a config')
      if (!traceId) fail(['traceId'], 'A correction is of a trace or an observation')
    } else if (body.source === 'ANNOTATION' && !body.configId) {
      fail(['configId'], 'Annotation scores need a configId')
    }
  })

export type ScoreBody = z.output<typeof scoreBody>

/** Body of `POST /scores`, where an evaluator of the server is no source, and which tells its own time. */
export const postedScoreBody = scoreBody.safeExtend({
  source: z.enum(['API', 'ANNOTATION']).nullish(),
  timestamp: strictInstant.nullish(),
})

/** @returns what is wrong with a value of that type, or null */
export function expectedValue(dataType: ScoreDataType, value: ScoreBody['value']): string | null {
  switch (dataType) {
    case 'NUMERIC':
      return typeof value === 'number' ? null : 'A NUMERIC score needs a number as value'
    case 'BOOLEAN':
      return typeof value === 'boolean' || value === 0 || value === 1
        ? null
        : 'A BOOLEAN score needs 0, 1, true or false as value'
    case 'TEXT':
      return typeof value === 'string' && value.length > 0 && value.length <= maxTextLength
        ? null
        : `A TEXT score needs a string of 1 to ${maxTextLength} characters as value`
    case 'CATEGORICAL':
    case 'CORRECTION':
      return typeof value === 'string' ? null : `A ${dataType} score needs a string as value`
  }
}
