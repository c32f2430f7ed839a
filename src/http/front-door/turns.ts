import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ownerOf } from './backpressure.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Resolves when the request may continue with work that keeps the processor busy, such as parsing a body or writing
     * a job. Everything until the request next waits for I/O belongs to this turn.
     */
    takeTurn(): Promise<void>
  }
}

/**
 * No further work begins in a turn of the event loop after this time. Without a limit, one turn would do the work of
 * every busy connection before the loop accepts a connection again. 2 ms: Node accepts one connection per turn, so with
 * 10 ms the last of 390 connections that arrived at once waited for ten seconds (bench/front-door.ts).
 */
const sliceMs = 2
/**
 * Where the rest of a turn takes longer than that, as when many requests are refused in it, the work may take as long as
 * the rest: otherwise little would be accepted because much is refused. But no longer than this.
 */
const longestSliceMs = 10

/** More pieces of work than fit into one turn. */
const mostPerTurn = 100

export interface Turns {
  /**
   * @param owner the tenant that the work is for. Owners take turns, and the requests of one owner keep their order.
   */
  take(owner: string): Promise<void>
}

/** Shares the event loop among owners. One that sends a flood delays its own requests, not those of others. */
export function createTurns(now: () => number = () => performance.now()): Turns {
  /** The owners that wait, the next one first. No list is empty. */
  const waiting = new Map<string, (() => void)[]>()
  /** The time at which the first work of this turn of the loop began; null if there was none yet. */
  let sliceStart: number | null = null
  /** When the work of the last turn ended, if some was left. */
  let lastEnd: number | null = null
  let slice = sliceMs
  /** True while work was admitted that has not run yet, so that its duration is not known. */
  let isBeginning = false

  /**
   * Runs in the check phase of the loop. Immediates that are set during that phase run in the next turn, one after the
   * other. Before each of them, everything that the previous one resolved has run as far as it can, so the elapsed time
   * includes it.
   */
  function endTurn(): void {
    sliceStart = null
    lastEnd = waiting.size === 0 ? null : now()
    if (lastEnd === null) return
    let count = 0
    for (const list of waiting.values()) count += list.length
    for (let i = 0; i < Math.min(count, mostPerTurn); i++) setImmediate(admitNext)
    setImmediate(endTurn)
  }

  function admitNext(): void {
    if (!hasTime()) return
    const [next] = waiting
    if (next === undefined) return
    const [owner, list] = next
    waiting.delete(owner)
    const admit = list.shift()!
    if (list.length > 0) waiting.set(owner, list)
    admit()
  }

  function hasTime(): boolean {
    const at = now()
    if (sliceStart !== null) return at - sliceStart < slice
    sliceStart = at
    slice = Math.max(sliceMs, Math.min(longestSliceMs, at - (lastEnd ?? at)))
    return true
  }

  return {
    async take(owner) {
      if (sliceStart === null && waiting.size === 0) setImmediate(endTurn)
      if (waiting.size === 0 && !isBeginning && hasTime()) {
        isBeginning = true
        process.nextTick(() => {
          isBeginning = false
        })
        return
      }
      await new Promise<void>((resolve) => {
        const list = waiting.get(owner)
        if (list === undefined) waiting.set(owner, [resolve])
        else list.push(resolve)
      })
    },
  }
}

/** Gives every request the method `takeTurn`. */
export function shareLoop(app: FastifyInstance): void {
  const turns = createTurns()
  app.decorateRequest('takeTurn', async function (this: FastifyRequest) {
    const owner = ownerOf(this)
    if (this.routeOptions.config.isIngest === true) await this.beginIntake(owner)
    await turns.take(owner)
  })
}
