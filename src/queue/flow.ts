import { LRUCache } from 'lru-cache'

/** What came in and what was applied in the last minutes, as one API process sees it. */
export interface Flow {
  /** Events of a request are in the queue. */
  accepted(tenantId: string, events: number): void
  /** Events of a request are applied. @param lagMs since they were accepted */
  applied(tenantId: string, events: number, lagMs: number): void
  /** A request was refused. @param tenantId null for one without a valid key */
  refused(tenantId: string | null, reason: string): void
  /** @param tenantId null for all tenants together */
  of(tenantId: string | null): FlowSeen
  /** The tenants of which something was seen, the latest first. */
  tenants(): string[]
}

export interface FlowSeen {
  /** Events of each step, the oldest first. The last step is not over yet. */
  accepted: number[]
  applied: number[]
  /** Seconds from acceptance to commit, exact over the latest requests of that time; null when there were none. */
  lag: { p50: number; p95: number; p99: number; requests: number } | null
  /** Requests that were refused: in these steps, and since the start of the process. */
  refused: { reason: string; recent: number; total: number }[]
  /** When something was applied last, in epoch milliseconds. */
  lastAppliedAt: number | null
}

export const flowStepMs = 10_000
export const flowSteps = 60

/** Of each tenant, so many lags are kept. */
const keptLags = 500
/** The longest silent tenants are forgotten beyond that. */
const mostTenants = 500
/** The reasons are ours, and few. This only bounds what a mistake could do. */
const mostReasons = 50

/** @param now epoch milliseconds */
export function createFlow(now: () => number = Date.now): Flow {
  const all = createTally(now)
  const tenants = new LRUCache<string, Tally>({ max: mostTenants })

  function tallyOf(tenantId: string): Tally {
    const known = tenants.get(tenantId)
    if (known !== undefined) return known
    const tally = createTally(now)
    tenants.set(tenantId, tally)
    return tally
  }

  return {
    accepted(tenantId, events) {
      for (const tally of [all, tallyOf(tenantId)]) tally.accepted.add(events)
    },
    applied(tenantId, events, lagMs) {
      for (const tally of [all, tallyOf(tenantId)]) {
        tally.applied.add(events)
        tally.lastAppliedAt = now()
        tally.lags.push({ ms: lagMs, at: now() })
        if (tally.lags.length > keptLags) tally.lags.shift()
      }
    },
    refused(tenantId, reason) {
      for (const tally of tenantId === null ? [all] : [all, tallyOf(tenantId)]) {
        let series = tally.refused.get(reason)
        if (series === undefined && tally.refused.size < mostReasons) {
          series = createSeries(now)
          tally.refused.set(reason, series)
        }
        series?.add(1)
      }
    },
    of: (tenantId) =>
      seenOf((tenantId === null ? all : tenants.peek(tenantId)) ?? createTally(now), now()),
    tenants: () => [...tenants.keys()],
  }
}

interface Tally {
  accepted: Series
  applied: Series
  /** In the order of `at`. */
  lags: { ms: number; at: number }[]
  refused: Map<string, Series>
  lastAppliedAt: number | null
}

function createTally(now: () => number): Tally {
  return {
    accepted: createSeries(now),
    applied: createSeries(now),
    lags: [],
    refused: new Map(),
    lastAppliedAt: null,
  }
}

function seenOf({ accepted, applied, lags, refused, lastAppliedAt }: Tally, now: number): FlowSeen {
  const sorted = lags
    .filter(({ at }) => at > now - flowSteps * flowStepMs)
    .map(({ ms }) => ms / 1000)
    .toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!
  return {
    accepted: accepted.read(),
    applied: applied.read(),
    lag:
      sorted.length === 0
        ? null
        : {
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            requests: sorted.length,
          },
    refused: [...refused]
      .map(([reason, series]) => ({
        reason,
        recent: series.read().reduce((sum, count) => sum + count, 0),
        total: series.total(),
      }))
      .toSorted((a, b) => b.recent - a.recent || b.total - a.total),
    lastAppliedAt,
  }
}

interface Series {
  add(count: number): void
  read(): number[]
  total(): number
}

/** Counts by steps of time, in a ring. */
function createSeries(now: () => number): Series {
  const counts = new Float64Array(flowSteps)
  /** The step that each place of the ring counts. */
  const steps = new Float64Array(flowSteps).fill(-1)
  let total = 0
  const stepNow = (): number => Math.floor(now() / flowStepMs)
  return {
    add(count) {
      const step = stepNow()
      const place = step % flowSteps
      if (steps[place] !== step) {
        steps[place] = step
        counts[place] = 0
      }
      counts[place]! += count
      total += count
    },
    read() {
      const first = stepNow() - flowSteps + 1
      return Array.from({ length: flowSteps }, (_, i) => {
        const place = (first + i) % flowSteps
        return steps[place] === first + i ? counts[place]! : 0
      })
    },
    total: () => total,
  }
}
