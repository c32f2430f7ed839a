import type { FastifyInstance } from 'fastify'

const longText = 16_384

/** Sends long answers as bytes: Node takes several times as long to write a string of a megabyte as to make a buffer of it. */
export function sendLongAnswersAsBytes(app: FastifyInstance): void {
  app.addHook('onSend', (_request, _reply, payload, done) => {
    const isLong = typeof payload === 'string' && payload.length > longText
    done(null, isLong ? Buffer.from(payload) : payload)
  })
}
