import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LimitError } from '../../domain/limit-error.ts'
import { createSlots } from '../../queue/slots.ts'
import { blend, createFairShare, type FairShare } from './fair-share.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Reports that the body has arrived. Resolves when the request may go on, at once when it did so before.
     */
    beginIntake(owner: string): Promise<void>
    /** Reports that the queue has what was sent. An answer reports it too. */
    endIntake(): void
  }
}

/** What would wait for longer is refused. */
const longestWaitMs = 500
/** So many requests of an owner may always wait. */
const alwaysAdmitted = 32
/** How often the pace is looked at, in milliseconds. */
const paceEveryMs = 250
/** How often those that wait are looked at while somebody is limited. */
const wakeEveryMs = 10
/** Requests a second, until the pace has been seen: a burst that comes to an idle server is not refused at once. */
const firstPace = 250

/**
 * So many requests are worked on at a time, and so many of one owner: others wait as the bytes that arrived. More would
 * only wait for each other, with all that was made of their bodies in memory, and a request of another owner would wait
 * behind them wherever it needs the database, the thread pool or the queue.
 */
const atOnce = 16
const atOncePerOwner = 8

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
  begin(owner: string): Stay
  /** @throws LimitError when a further request of this owner would wait too long */
  assertRoom(owner: string): void
}

interface Stay {
  /** Resolves when it is the request's turn. Owners take turns. */
  mayGoOn: Promise<void>
  /** The queue has it, or it came to nothing. May be called twice. */
  end(): void
}

/**
 * SPEC I7: requests are refused before their body is read once those that are here already keep the server busy for half a
 * second. Otherwise all of them would be answered late: by as much as they exceed what the server can do, for as long
 * as it lasts.
 */
export function createIntake(
  now: () => number = () => performance.now(),
  fairShare: FairShare = createFairShare({ most: atOncePerOwner, now }),
): Intake {
  const lines = new Map<string, Line>()
  const slots = createSlots(atOnce, atOncePerOwner, fairShare.begin)
  let timer: NodeJS.Timeout | undefined

  /** What may not begin yet may do so later, though nothing ends meanwhile. */
  function keepLooking(): void {
    timer ??= setInterval(() => {
      const isLimited = fairShare.look()
      slots.wake()
      if (isLimited) return
      clearInterval(timer)
      timer = undefined
    }, wakeEveryMs).unref()
  }

  /** @returns what gives the slot back, and is told whether the request had ended before it came */
  async function takeSlot(owner: string): Promise<(isLate: boolean) => void> {
    const giveBack = await slots.take(owner)
    const startedAt = now()
    return (isLate) => {
      // What nobody waits for is worked on all the same, without a slot.
      fairShare.end(owner, isLate ? null : now() - startedAt)
      giveBack()
    }
  }

  function look(line: Line): void {
    const ms = now() - line.since
    if (ms < paceEveryMs) return
    line.pace = blend(line.pace, (line.finished * 1_000) / ms, ms, paceEveryMs)
    line.finished = 0
    line.since = now()
  }

  return {
    begin(owner) {
      const line = lines.get(owner) ?? { waiting: 0, pace: firstPace, finished: 0, since: now() }
      lines.set(owner, line)
      line.waiting += 1
      look(line)
      if (fairShare.look()) keepLooking()
      const slot = takeSlot(owner)
      let isOver = false
      let hasSlot = false
      return {
        mayGoOn: slot.then(() => {
          hasSlot = true
        }),
        end() {
          if (isOver) return
          isOver = true
          const isLate = !hasSlot
          void slot.then((giveBack) => giveBack(isLate))
          line.waiting -= 1
          line.finished += 1
          if (line.waiting === 0) lines.delete(owner)
          else look(line)
        },
      }
    },
    assertRoom(owner) {
      const line = lines.get(owner)
      if (line === undefined || line.waiting < alwaysAdmitted) return
      look(line)
      const ms = (line.waiting * 1_000) / line.pace
      if (ms <= longestWaitMs) return
      fairShare.refuse(owner)
      keepLooking()
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
  const stays = new WeakMap<FastifyRequest, Stay>()
  /** Requests whose client has left, or was answered. */
  const over = new WeakSet<FastifyRequest>()
  app.decorateRequest('beginIntake', async function (this: FastifyRequest, owner: string) {
    const stay = stays.get(this) ?? intake.begin(owner)
    stays.set(this, stay)
    // What is left to do for nobody keeps no other from its turn.
    if (over.has(this)) stay.end()
    await stay.mayGoOn
  })
  app.decorateRequest('endIntake', function (this: FastifyRequest) {
    stays.get(this)?.end()
  })
  app.addHook('onResponse', (request, _, done) => {
    stays.get(request)?.end()
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    // This covers a client that leaves before it is answered. The request itself closes earlier, once its body is read.
    reply.raw.once('close', () => {
      over.add(request)
      stays.get(request)?.end()
    })
    done()
  })
}
