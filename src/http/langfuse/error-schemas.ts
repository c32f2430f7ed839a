import type { RouteOptions } from 'fastify'
import { z } from 'zod'
import { answerOf, serverErrors, takesBody, type DocumentedAnswers } from '../documented-answers.ts'

/** The body of an answer other than success (contracts/langfuse.md 1.4). `error` is missing when a key is refused. */
export const langfuseError = z
  .object({ message: z.string(), error: z.string().optional() })
  .meta({ id: 'LangfuseError' })

/** A request that does not match its schema: what zod found. Further members depend on `code`. */
const invalidData = z
  .object({
    message: z.string(),
    error: z.array(
      z.looseObject({
        code: z.string(),
        path: z.array(z.union([z.string(), z.int()])),
        message: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'LangfuseInvalidData' })

const error = (status: number) => answerOf(status, langfuseError)

const plainText = { 'text/plain': z.string() }

/** A body that cannot be read is refused in plain text. */
export const badRequest = {
  'application/json': z.union([langfuseError, invalidData]),
  ...plainText,
}

/** The errors that any request to a route of Langfuse's API may get. */
export function langfuseErrors(route: RouteOptions): DocumentedAnswers {
  return {
    400: answerOf(400, badRequest),
    ...(route.config?.scope === 'none' ? {} : { 401: error(401) }),
    403: error(403),
    404: error(404),
    ...(takesBody(route)
      ? { 408: error(408), 409: error(409), 413: answerOf(413, plainText), 415: error(415) }
      : {}),
    ...(route.url.includes(':') ? { 414: error(414) } : {}),
    429: error(429),
    ...serverErrors,
    500: error(500),
    503: error(503),
  }
}
