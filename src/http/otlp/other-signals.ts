import { z } from 'zod'
import { answerOf, type DocumentedAnswers } from '../documented-answers.ts'
import type { App } from '../services.ts'
import { protobuf } from './error-schemas.ts'
import { OtlpError } from './errors.ts'
import { encodingOf } from './post-traces.ts'

export interface OtherSignalsOptions {
  /** What the paths begin with: `/otel/v1`. */
  base: string
  tags: string[]
  /** The answers other than success. */
  errors: DocumentedAnswers
}

/**
 * Registers routes for metrics and logs. Exporters of one endpoint send all signals to it, and would report an error at
 * each export. The answer is that of an empty export, and nothing is kept (contracts/langsmith.md 2.11).
 */
export function otherSignals(app: App, { base, tags, errors }: OtherSignalsOptions): void {
  for (const signal of ['metrics', 'logs']) {
    const schema = {
      tags,
      summary: `Take ${signal} and keep none (OTLP over HTTP, JSON or protobuf)`,
      consumes: ['application/json', 'application/x-protobuf'],
      body: z.unknown().meta({ type: 'object' }),
      response: {
        200: answerOf(200, { 'application/json': z.object({}), ...protobuf }),
        ...errors,
      },
    }
    app.post(`${base}/${signal}`, { schema }, async (request, reply) => {
      const encoding = encodingOf(request)
      if (encoding === null) throw new OtlpError(400, 'Invalid content type')
      // A message of protobuf without fields has no bytes.
      return encoding === 'json' ? {} : reply.type('application/x-protobuf').send(Buffer.alloc(0))
    })
  }
}
