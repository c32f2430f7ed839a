import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { answerOf } from '../../documented-answers.ts'
import { badRequest, langfuseError } from '../error-schemas.ts'
import { answerError, LangfuseError } from '../errors.ts'
import { ingestionEvent } from './ingestion-events.ts'
import { translateBatch } from './ingestion-to-events.ts'

const result = z.object({
  id: z.string(),
  status: z.int(),
  message: z.string().optional(),
  error: z.string().optional(),
})

/** A body that is no batch. */
const unread = z.object({ message: z.string(), errors: z.array(z.string()) })

const batch = z.object({ batch: z.array(z.unknown()), metadata: z.unknown().optional() })

/**
 * `POST /ingestion`: any number of events of any types, in any order; always answers 207 (contracts/langfuse.md 2.7). A
 * repeated batch changes nothing. ingestion-events.ts validates each event by itself.
 */
export function postIngestion(app: App, services: Services): void {
  app.post(
    '/ingestion',
    {
      schema: {
        tags: ['langfuse ingestion'],
        summary: 'Store traces, observations and scores',
        body: batch.extend({ batch: z.array(ingestionEvent) }),
        response: {
          207: z.object({ successes: z.array(result), errors: z.array(result) }),
          400: answerOf(400, {
            ...badRequest,
            'application/json': z.union([langfuseError, unread]),
          }),
        },
      },
      config: { scope: 'scores', isIngest: true },
      // Validates only the frame of the documented schema, so that a bad event does not refuse the others.
      validatorCompiler: (route) => validatorCompiler({ ...route, schema: batch }),
      errorHandler: (error, request, reply) => {
        void answerIngestionError(services.log, error, request, reply)
      },
    },
    async (request, reply) => {
      const { principal, body } = request
      const texts = sliceElements(sliceMembers(request.bodyText).get('batch')!)
      const translated = await translateBatch(services, principal, body.batch, texts)
      const { events, successes, errors, isInteractive } = translated
      await acceptEvents(services, request, events, { isInteractive })
      request.countRefused(errors.length)
      return reply.code(207).send({ successes, errors })
    },
  )
}

/** On this route, two errors have another shape than elsewhere (contracts/langfuse.md 1.4). */
function answerIngestionError(
  log: Services['log'],
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof LangfuseError && error.status === 401) {
    return reply.code(401).send({ error: 'UnauthorizedError', message: error.message })
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) =>
      `${instancePath.slice(1)} ${message}`.trim(),
    )
    return reply.code(400).send({ message: 'Invalid request data', errors })
  }
  return answerError(log, error, request, reply)
}
