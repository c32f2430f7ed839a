import { performance } from 'node:perf_hooks'

/*
 * Leaves the process the time to answer everybody soon. The work of one owner alone may take all there is. When it sends a
 * flood while others are there, it gets a share of the time, which is lowered until the event loop is busy for no more than
 * part of the time. What the owner takes is counted as the time for which its pieces of work are in progress.
 */

/** An event loop that is busy for more than this share of the time answers late. */
const tooBusy = 0.6
/**
 * Where the others alone keep it that busy, the share would stay low for as long as its owner sends as much as before a
 * flood. So from time to time the loop may be this busy for a while, in which such an owner gets all it sends, and is no
 * longer limited.
 */
const busyInTrial = 0.9
const trialMs = 1_000
/** How long after the share was lowered the first trial begins. Each further one comes twice as late as the one before. */
const firstTrialMs = 5_000
const longestPauseMs = 40_000
/** How often the loop is looked at, and how far the share is moved then. */
const lookEveryMs = 50
const lower = 0.85
const raise = 1.05
const raiseInTrial = 1.2
/** How fast the past is forgotten: half of it in so many milliseconds. */
const busyHalfMs = 100
const rateHalfMs = 200
/**
 * A flood is where so many times as much is refused as begun, and is over where it is only as much again. So whoever sends
 * a little more than can be done, or a burst, is not limited.
 */
const flood = 2
const noFlood = 1
/** Who asks for less than this part of what a flood asks for is refused because of that one, and sends none itself. */
const leastOfFlood = 0.1
/** An owner that began nothing for so long is not there. */
const quietMs = 30_000
/** The share is never less. */
const leastShare = 0.5
/** It is raised, too, when those who are limited begin less than this part of what another begins. */
const leastOfOthers = 0.25
/** So many milliseconds of a share may be saved up. */
const savedMs = 200
/** What took longer, as where the queue hangs, is not held against the owner. */
const largestDebtMs = 200

interface Owner {
  /** When its work last began, or was first seen. */
  begunAt: number
  /** Pieces of its work since the last look. */
  begun: number
  refused: number
  /** The same on average, in a second. */
  begunRate: number
  refusedRate: number
  inProgress: number
  /** How long a piece takes. */
  usualMs: number
  /** Milliseconds of work that it has left while it is limited; less than none when pieces took longer than expected. */
  creditMs: number
  isLimited: boolean
}

export interface FairShare {
  /** Begins a piece of work of the owner. @returns false where it may not begin yet */
  begin(owner: string): boolean
  /** Reports that one has ended that had begun so many milliseconds ago; null where nobody waited for it any more. */
  end(owner: string, ms: number | null): void
  /** Reports that work of the owner was refused, because too much of it waits. */
  refuse(owner: string): void
  /** Looks at how busy the loop is. @returns whether somebody is limited: then it has to be called again soon */
  look(): boolean
}

export interface FairShareOptions {
  /** Pieces of work of an owner that may be in progress at a time. */
  most: number
  /** Milliseconds that never go back. */
  now?: () => number
  /** The share of the time since the last call in which the event loop was busy, or waited for a processor: 0 to 1. */
  utilization?: () => number
}

export function createFairShare({
  most,
  now = () => performance.now(),
  utilization = loopUtilization(),
}: FairShareOptions): FairShare {
  const owners = new Map<string, Owner>()
  /** How many pieces of work an owner that is limited may have in progress, on average. */
  let share = most
  /** When the next trial begins, or this one began; null while the share is not lowered. */
  let trialAt: number | null = null
  let pauseMs = firstTrialMs
  let busy = 1
  let lookedAt = now()

  function ownerOf(name: string): Owner {
    const known = owners.get(name)
    if (known !== undefined) return known
    const owner = {
      begunAt: now(),
      begun: 0,
      refused: 0,
      begunRate: 0,
      refusedRate: 0,
      inProgress: 0,
      usualMs: 0,
      creditMs: 0,
      isLimited: false,
    }
    owners.set(name, owner)
    return owner
  }

  function look(): boolean {
    const at = now()
    const ms = at - lookedAt
    if (ms < lookEveryMs) return share < most
    lookedAt = at
    busy = blend(busy, utilization(), ms, busyHalfMs)
    const average = (old: number, count: number): number =>
      blend(old, (count * 1_000) / ms, ms, rateHalfMs)
    let largestFlood = 0
    for (const [name, owner] of owners) {
      if (owner.inProgress === 0 && at - owner.begunAt > quietMs) owners.delete(name)
      owner.begunRate = average(owner.begunRate, owner.begun)
      owner.refusedRate = average(owner.refusedRate, owner.refused)
      owner.begun = 0
      owner.refused = 0
      if (isFlood(owner)) largestFlood = Math.max(largestFlood, askedRate(owner))
    }
    for (const owner of owners.values()) {
      owner.isLimited = isFlood(owner) && askedRate(owner) >= largestFlood * leastOfFlood
    }
    moveShare(at)
    for (const owner of owners.values()) {
      const full = share * savedMs
      const credit = Math.max(-largestDebtMs, owner.creditMs) + share * ms
      owner.creditMs = owner.isLimited ? Math.min(full, credit) : full
    }
    return share < most
  }

  function moveShare(at: number): void {
    const rates = { limited: 0, others: 0 }
    for (const { isLimited, begunRate } of owners.values()) {
      const kind = isLimited ? 'limited' : 'others'
      rates[kind] = Math.max(rates[kind], begunRate)
    }
    if (rates.limited === 0 || owners.size < 2) {
      share = most
      trialAt = null
    } else if (trialAt === null) {
      if (busy <= tooBusy) return
      // As far as it goes: what the others send in the second that steps would take waits too long already.
      share = leastShare
      pauseMs = firstTrialMs
      trialAt = at + pauseMs
    } else {
      if (at > trialAt + trialMs) {
        pauseMs = Math.min(pauseMs * 2, longestPauseMs)
        trialAt = at + pauseMs
      }
      const isTrial = at >= trialAt
      const isTooBusy = busy > (isTrial ? busyInTrial : tooBusy)
      const hasMore = rates.limited >= rates.others * leastOfOthers
      share *= isTooBusy && hasMore ? lower : isTrial ? raiseInTrial : raise
      share = Math.min(most, Math.max(share, leastShare))
    }
  }

  function hasCredit({ isLimited, creditMs, inProgress, usualMs }: Owner): boolean {
    return share === most || !isLimited || creditMs > inProgress * usualMs
  }

  return {
    look,
    begin(name) {
      const owner = ownerOf(name)
      if (!hasCredit(owner)) return false
      owner.begunAt = now()
      owner.begun += 1
      owner.inProgress += 1
      return true
    },
    end(name, ms) {
      const owner = ownerOf(name)
      owner.inProgress -= 1
      owner.creditMs -= ms ?? owner.usualMs
      if (ms !== null) owner.usualMs += (ms - owner.usualMs) / 8
    },
    refuse(name) {
      ownerOf(name).refused += 1
    },
  }
}

function askedRate({ begunRate, refusedRate }: Owner): number {
  return begunRate + refusedRate
}

function isFlood({ begunRate, refusedRate, isLimited }: Owner): boolean {
  return refusedRate > begunRate * (isLimited ? noFlood : flood)
}

/** Returns an average in which what was seen before counts half after every `halfMs`. @param ms since then */
export function blend(old: number, seen: number, ms: number, halfMs: number): number {
  const kept = 0.5 ** (ms / halfMs)
  return kept * old + (1 - kept) * seen
}

function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const next = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(next, last)
    last = next
    return utilization
  }
}
