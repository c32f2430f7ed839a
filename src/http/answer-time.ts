import type { FastifyRequest } from 'fastify'
import { isRetryable } from '../store/errors.ts'
import type { Services } from './services.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** When its body had arrived and its handler began, in milliseconds of `performance.now()`. */
    begunAt: number
  }
}

/** How long reading back may go on after the time to wait for what is written. */
const readBackMs = 1000

/**
 * Reads back what was accepted. Returns `fallback` if the database is away or slow: what is acknowledged must neither be
 * answered as if it had failed, nor hold its client (SPEC I9).
 */
export async function readBack<T>(
  { interactiveWaitMs }: Pick<Services, 'interactiveWaitMs'>,
  request: FastifyRequest,
  reading: Promise<T>,
  fallback: T,
): Promise<T> {
  const leftMs = interactiveWaitMs - (performance.now() - request.begunAt)
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, leftMs) + readBackMs, fallback)
  })
  try {
    return await Promise.race([reading, tooLate])
  } catch (error) {
    if (isRetryable(error)) return fallback
    throw error
  } finally {
    clearTimeout(timer)
  }
}
