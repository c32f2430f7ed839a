import { z } from 'zod'
import { answerOf, serverErrors, type DocumentedAnswers } from '../documented-answers.ts'

/** A message of protobuf; OpenAPI cannot describe it. */
export const protobuf = { 'application/x-protobuf': z.string() }

/** google.rpc.Status. */
const status = z.object({ code: z.int(), message: z.string() }).meta({ id: 'OtlpStatus' })

/** The errors of `/v1/traces`. */
export const otlpErrors: DocumentedAnswers = {
  ...serverErrors,
  ...Object.fromEntries(
    [400, 401, 403, 404, 408, 413, 415, 429, 500, 503].map((code) => [
      code,
      answerOf(code, { 'application/json': status, ...protobuf }),
    ]),
  ),
}

/** A refused export, or an error of the plugin around. */
const either = {
  'application/json': z.union([
    z.object({ error: z.string() }),
    z.object({ message: z.string(), error: z.string() }),
  ]),
}

/** The errors inside Langfuse's API that differ from those of its other routes (contracts/langfuse.md 2.8). */
export const otlpErrorsOfLangfuse: DocumentedAnswers = {
  400: answerOf(400, either),
  413: answerOf(413, { ...either, 'text/plain': z.string() }),
  503: answerOf(503, either),
}
