import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set when the connection must be closed after the answer, even though the body has not been read. */
    closesConnection: boolean
  }
  interface FastifyInstance {
    /** Refuses bodies that arrive too slowly. */
    bodyRates: BodyRates
  }
}

/** The body arrived too slowly. Each dialect answers 408 in its own shape, and the connection is closed. */
export class SlowBodyError extends Error {
  override name = 'SlowBodyError'
  readonly statusCode = 408
}

export interface RateLimits {
  /** The time in milliseconds over which a rate is averaged. No body is refused sooner. */
  slowBodyMs: number
  /** The least rate of a body, in bytes per second. */
  slowBodyBytesPerSecond: number
}

/** A body that is being received. */
export interface WatchedBody {
  /** The bytes that have arrived so far. */
  received: number
  /** False while the server does not read. That time is not counted against the client. */
  isAwaited: boolean
}

export interface BodyRates {
  /** Calls `onSlow` once if the body is too slow. The caller must call `unwatch` in either case. */
  watch(onSlow: () => void): WatchedBody
  unwatch(body: WatchedBody): void
}

/**
 * The time over which a rate is averaged is divided into this many pieces, and rates are checked after each of them.
 */
const pieces = 6

interface State {
  onSlow: () => void
  /** The values of `received` at the end of the latest pieces of time, oldest first. */
  marks: number[]
}

/**
 * Watches the rates of bodies. Time is measured by the calls of a timer and not by the clock. After a turn of the event
 * loop that took long there is only one call, and the bytes that waited in the kernel meanwhile are read before the
 * next one, so a busy server does not refuse honest clients.
 */
export function createBodyRates({ slowBodyMs, slowBodyBytesPerSecond }: RateLimits): BodyRates {
  const watched = new Map<WatchedBody, State>()
  const leastBytes = (slowBodyBytesPerSecond * slowBodyMs) / 1000
  let timer: NodeJS.Timeout | null = null

  function look(): void {
    for (const [body, state] of watched) {
      if (!body.isAwaited) continue
      state.marks.push(body.received)
      if (state.marks.length <= pieces) continue
      if (body.received - state.marks.shift()! >= leastBytes) continue
      watched.delete(body)
      state.onSlow()
    }
    stopWhenIdle()
  }

  function stopWhenIdle(): void {
    if (watched.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  return {
    watch(onSlow) {
      const body = { received: 0, isAwaited: true }
      watched.set(body, { onSlow, marks: [0] })
      timer ??= setInterval(look, slowBodyMs / pieces).unref()
      return body
    },
    // The timer keeps running until it finds nothing to watch, because thousands of bodies come and go each second.
    unwatch: (body) => void watched.delete(body),
  }
}

/** Provides the watch on bodies that decode.ts and read-body.ts use, where bodies are read. */
export function endSlowBodies(app: FastifyInstance, limits: RateLimits): void {
  app.decorateRequest('closesConnection', false)
  app.decorate('bodyRates', createBodyRates(limits))
}
