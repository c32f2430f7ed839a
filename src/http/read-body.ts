import type { Readable } from 'node:stream'
import { errorCodes, type FastifyRequest } from 'fastify'
import { BodyError } from './body-error.ts'
import { SlowBodyError } from './front-door/slow-bodies.ts'

/**
 * Reads a whole body, as Fastify's `parseAs: 'buffer'` does, but also counts its bytes as they arrive and watches their
 * rate.
 * @param payload the decoded body
 * @returns the bytes in the pieces in which they came
 * @throws FST_ERR_CTP_BODY_TOO_LARGE, before the body is read if its announced length is too large
 * @throws OverloadedError when the server holds too many bytes already
 * @throws SlowBodyError, or BodyError when the client goes away
 */
export async function readBody(request: FastifyRequest, payload: Readable): Promise<Buffer[]> {
  const { bodyLimit } = request.routeOptions
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) {
    throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  }
  // The rate of a body that has to be decoded is watched in decode.ts, where its bytes arrive.
  const isRaw = payload === request.raw
  const rates = request.server.bodyRates
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const watched = isRaw
      ? rates.watch(() => fail(new SlowBodyError('The body came too slowly')))
      : null

    function add(chunk: Buffer): void {
      length += chunk.length
      if (watched !== null) watched.received = length
      try {
        if (length > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
        request.holdBytes(chunk.length)
      } catch (error) {
        fail(error)
        return
      }
      chunks.push(chunk)
    }

    function end(): void {
      stop()
      resolve(chunks)
    }

    function fail(error: unknown): void {
      stop()
      // Destroying the request would destroy its socket, and the answer with it.
      if (!isRaw) payload.destroy()
      if (error instanceof SlowBodyError) request.closesConnection = true
      reject(error)
    }

    function failByStream(cause: Error): void {
      fail(isRaw ? new BodyError('length', undefined, { cause }) : cause)
    }

    function failByClose(): void {
      fail(new BodyError('length'))
    }

    function stop(): void {
      if (watched !== null) rates.unwatch(watched)
      payload.off('data', add).off('end', end).off('error', failByStream).off('close', failByClose)
      // Nobody waits for a later error, and one without a listener would end the process.
      payload.on('error', () => {})
    }

    payload.on('data', add).on('end', end).on('error', failByStream).on('close', failByClose)
  })
}
