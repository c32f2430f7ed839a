import type { RouteOptions } from 'fastify'
import { z } from 'zod'
import { answerOf, serverErrors, takesBody, type DocumentedAnswers } from '../documented-answers.ts'

const validationDetail = z.object({
  loc: z.array(z.union([z.string(), z.int()])),
  msg: z.string(),
  type: z.string(),
})

/** The bodies of answers other than success, by the shape of the route (contracts/langsmith.md 1.3). */
const detail = z.object({ detail: z.string() }).meta({ id: 'LangsmithError' })

const validation = z
  .object({ detail: z.array(validationDetail) })
  .meta({ id: 'LangsmithValidationError' })

const error = z
  .object({ error: z.string(), details: z.string().optional() })
  .meta({ id: 'LangsmithIngestError' })

/** Problem details (RFC 9457). */
export const problemShape = {
  'application/problem+json': z
    .object({
      type: z.literal('about:blank'),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      instance: z.string(),
    })
    .meta({ id: 'LangsmithProblem' }),
}

const shapes = {
  detail: { 'application/json': detail },
  error: { 'application/json': error },
  problem: problemShape,
}

/** The errors that any request to a route of LangSmith's API may get. */
export function langsmithErrors(route: RouteOptions): DocumentedAnswers {
  const shape = shapes[route.config?.errorShape ?? 'detail']
  const statuses = [
    400,
    ...(route.config?.scope === 'none' ? [] : [401]),
    403,
    404,
    ...(takesBody(route) ? [408, 409, 413, 415] : []),
    422,
    429,
    500,
    503,
  ]
  return {
    ...serverErrors,
    ...Object.fromEntries(statuses.map((status) => [status, answerOf(status, shape)])),
    ...(shape === shapes.detail ? { 422: answerOf(422, validation) } : {}),
    // A path parameter that is too long.
    ...(route.url.includes(':') ? { 414: answerOf(414, shape) } : {}),
  }
}
