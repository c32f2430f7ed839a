import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { System } from './system.ts'
import type { RequestKind, Setting, UnitStep } from './unit-kind.ts'
import { kindOf } from './workload.ts'

/** A client like the vendors' SDKs: many requests at a time, each sent again with the same ids until it is taken. */
export interface Load {
  start(): void
  /** Sends nothing new, and resolves once everything sent was taken, or after `limitMs`. */
  stop(limitMs: number): Promise<void>
  readonly counts: LoadCounts
  /** What no client should ever see: a refusal that is not to be repeated. The first twenty. */
  readonly refusals: readonly string[]
  /** The first twenty requests that got no answer in time, in words. */
  readonly unanswered: readonly string[]
  /** Calls for each acknowledgement: which API gave it, when the request began and when it ended. */
  onAcknowledged(listener: (api: number, begun: number, steps: readonly UnitStep[]) => void): void
}

export interface LoadCounts {
  attempts: number
  /** Attempts that were not answered within five seconds by a process that was running all the time. */
  unanswered: number
  /** The same, where a fault held the process stopped meanwhile. */
  unansweredWhileFrozen: number
  /** Attempts that ended with a broken connection. */
  broken: number
  /** Answers by status. */
  statuses: Map<number, number>
  /** Requests that are not taken yet. */
  pending: number
  /** Requests that the client made and gave up on, because the run ended. */
  givenUp: number
  slowestMs: number
}

const answerLimitMs = 5000
const attemptLimitMs = 20_000
/** What an SDK holds back while it cannot send. Beyond it no new events are made. */
const maxPending = 60
const tickMs = 100

interface Made {
  kind: RequestKind
  steps: UnitStep[]
}

export interface LoadOptions {
  system: System
  setting: Setting
  ledger: Ledger
  random: Random
  /** Events a second. */
  rate: number
}

export function createLoad({ system, setting, ledger, random, rate }: LoadOptions): Load {
  const listeners: ((api: number, begun: number, steps: readonly UnitStep[]) => void)[] = []
  const counts: LoadCounts = {
    attempts: 0,
    unanswered: 0,
    unansweredWhileFrozen: 0,
    broken: 0,
    statuses: new Map(),
    pending: 0,
    givenUp: 0,
    slowestMs: 0,
  }
  const refusals: string[] = []
  const unanswered: string[] = []
  const basic = Buffer.from(`${system.publicKey}:${system.secretKey}`).toString('base64')
  /** Steps that are due, by the kind of request that carries them. */
  const due = new Map<RequestKind, UnitStep[]>()
  let nextUnit = 0
  let turn = 0
  let isStopping = false
  let hasGivenUp = false
  let allowance = 0
  let timer: NodeJS.Timeout | null = null

  /** Makes units until a second's share of events is due, shuffled, so that updates come before their creates too. */
  function makeUnits(): void {
    const made: { kind: RequestKind; step: UnitStep }[] = []
    while (made.length < rate / 2) {
      const unit = nextUnit++
      const { stepCount, kindsOf } = kindOf(unit)
      for (let step = 0; step < stepCount; step++) {
        made.push({ kind: random.pick(kindsOf(unit, step)), step: { unit, step } })
      }
    }
    for (const { kind, step } of random.shuffle(made)) {
      const list = due.get(kind) ?? []
      due.set(kind, list)
      list.push(step)
    }
  }

  function takeRequest(): Made {
    if ([...due.values()].every((list) => list.length === 0)) makeUnits()
    const [kind, list] = random.pick([...due].filter(([, waiting]) => waiting.length > 0))
    const size = kind === 'feedback' || kind === 'dataset-run-items' ? 1 : random.between(5, 40)
    return { kind, steps: list.splice(0, size) }
  }

  function tick(): void {
    allowance = Math.min(allowance + (rate * tickMs) / 1000, rate)
    while (allowance > 0 && counts.pending < maxPending) {
      const made = takeRequest()
      allowance -= made.steps.length
      void deliver(made)
    }
  }

  /** Sends a request until it is taken, as SDKs do: to the next API each time, with longer and longer pauses. */
  async function deliver({ kind, steps }: Made): Promise<void> {
    counts.pending++
    for (const { unit, step } of steps) ledger.noteSent(unit, step)
    try {
      const { path, contentType, body } = kindOf(steps[0]!.unit).build(setting, kind, steps)
      for (let waitMs = 100; !hasGivenUp; waitMs = Math.min(waitMs * 2, 2000)) {
        const api = turn++ % system.apis.length
        const begun = Date.now()
        if (await attempt(api, path, contentType, body)) {
          const at = Date.now()
          for (const { unit, step } of steps) ledger.noteAcknowledged(unit, step, at)
          for (const listener of listeners) listener(api, begun, steps)
          return
        }
        await pause(waitMs)
      }
      counts.givenUp++
    } finally {
      counts.pending--
    }
  }

  /** @returns true when everything in the request was acknowledged */
  async function attempt(
    api: number,
    path: string,
    contentType: string,
    body: Buffer | string,
  ): Promise<boolean> {
    const server = system.apis[api]!
    const begun = Date.now()
    counts.attempts++
    let outcome = 'no answer'
    try {
      const answer = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': contentType, authorization: `Basic ${basic}` },
        body,
        signal: AbortSignal.timeout(attemptLimitMs),
      })
      const text = await answer.text()
      outcome = String(answer.status)
      counts.statuses.set(answer.status, (counts.statuses.get(answer.status) ?? 0) + 1)
      if (isTaken(answer.status, text)) return true
      const comesAgain = answer.status === 429 || answer.status >= 500
      // A plain 500 is repeated too, but no fault is a reason for it.
      if (!comesAgain || answer.status === 500) {
        tell(refusals, `${answer.status} to ${path} of ${server.name}: ${text.slice(0, 300)}`)
      }
    } catch (error) {
      if (!(error instanceof DOMException)) {
        counts.broken++
        outcome = 'a broken connection'
      }
    } finally {
      noteTime(begun, server, `${path} of ${server.name}: ${outcome}`)
    }
    return false
  }

  function noteTime(begun: number, server: System['apis'][number], what: string): void {
    const now = Date.now()
    const ms = now - begun
    const wasFrozen = server.wasFrozen(begun, now)
    if (!wasFrozen) counts.slowestMs = Math.max(counts.slowestMs, ms)
    if (ms <= answerLimitMs) return
    if (wasFrozen) counts.unansweredWhileFrozen++
    else {
      counts.unanswered++
      const at = new Date(begun).toISOString().slice(11, 23)
      tell(unanswered, `${at} ${what} after ${(ms / 1000).toFixed(1)} s`)
    }
  }

  return {
    counts,
    refusals,
    unanswered,
    start() {
      timer ??= setInterval(tick, tickMs)
    },
    async stop(limitMs) {
      if (timer !== null) clearInterval(timer)
      if (!isStopping) {
        isStopping = true
        // What belongs to units that have begun is sent to the end.
        for (const [kind, steps] of due) {
          const size = kind === 'feedback' || kind === 'dataset-run-items' ? 1 : 40
          while (steps.length > 0) void deliver({ kind, steps: steps.splice(0, size) })
        }
      }
      for (const deadline = Date.now() + limitMs; counts.pending > 0 && Date.now() < deadline; ) {
        await pause(100)
      }
      hasGivenUp = true
    },
    onAcknowledged(listener) {
      listeners.push(listener)
    },
  }
}

/** Langfuse's ingestion answers 207 and OTLP 200 where a part was refused: then nothing counts as taken. */
function isTaken(status: number, text: string): boolean {
  if (status === 207) return (JSON.parse(text) as { errors: unknown[] }).errors.length === 0
  return status >= 200 && status < 300 && !text.includes('"partialSuccess"')
}

function tell(list: string[], sentence: string): void {
  if (list.length < 20) list.push(sentence)
}
