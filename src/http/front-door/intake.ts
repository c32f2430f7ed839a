import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LimitError } from '../../domain/limit-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Reports that the body has arrived, and that the request now waits for the processor and for the queue. */
    beginIntake(owner: string): void
    /** Reports that the queue has what was sent. An answer reports it too. */
    endIntake(): void
  }
}

/** What would wait for longer is refused. */
const longestWaitMs = 1_000
/** So many requests of an owner may always wait. */
const alwaysAdmitted = 32
/** How often the pace is looked at, in milliseconds. */
const paceEveryMs = 250
/** Requests a second, until the pace has been seen: a burst that comes to an idle server is not refused at once. */
const firstPace = 500

interface Line {
  waiting: number
  /** Requests a second that leave the line while others wait in it. */
  pace: number
  finished: number
  /** Since when `finished` counts. */
  since: number
}

/** How long the requests of each owner wait here between the arrival of their body and the queue. */
export interface Intake {
  begin(owner: string): void
  end(owner: string): void
  /** @throws LimitError when a further request of this owner would wait too long */
  assertRoom(owner: string): void
}

/**
 * SPEC I7: requests are refused before their body is read once those that are here already keep the server busy for a
 * second. Otherwise all of them would be answered late: by as much as they exceed what the server can do, for as long
 * as it lasts.
 */
export function createIntake(now: () => number = () => performance.now()): Intake {
  const lines = new Map<string, Line>()

  function look(line: Line): void {
    const ms = now() - line.since
    if (ms < paceEveryMs) return
    const old = 0.5 ** (ms / paceEveryMs)
    line.pace = old * line.pace + (1 - old) * ((line.finished * 1_000) / ms)
    line.finished = 0
    line.since = now()
  }

  return {
    begin(owner) {
      const line = lines.get(owner) ?? { waiting: 0, pace: firstPace, finished: 0, since: now() }
      lines.set(owner, line)
      line.waiting += 1
      look(line)
    },
    end(owner) {
      const line = lines.get(owner)
      if (line === undefined) return
      line.waiting -= 1
      line.finished += 1
      if (line.waiting === 0) lines.delete(owner)
      else look(line)
    },
    assertRoom(owner) {
      const line = lines.get(owner)
      if (line === undefined || line.waiting < alwaysAdmitted) return
      look(line)
      const ms = (line.waiting * 1_000) / line.pace
      if (ms <= longestWaitMs) return
      const seconds = Math.ceil((ms - longestWaitMs) / 1_000)
      throw new LimitError(
        'tenant_intake',
        'the server is busy with requests of this tenant',
        Math.min(30, seconds),
      )
    },
  }
}

export function countIntake(app: FastifyInstance, intake: Intake): void {
  const owners = new WeakMap<FastifyRequest, string>()
  function end(request: FastifyRequest): void {
    const owner = owners.get(request)
    if (owner === undefined) return
    owners.delete(request)
    intake.end(owner)
  }
  app.decorateRequest('beginIntake', function (this: FastifyRequest, owner: string) {
    if (owners.has(this)) return
    owners.set(this, owner)
    intake.begin(owner)
  })
  app.decorateRequest('endIntake', function (this: FastifyRequest) {
    end(this)
  })
  app.addHook('onResponse', async (request) => end(request))
  app.addHook('onRequestAbort', async (request) => end(request))
}
