import type { Random } from './random.ts'

/** One fault of the schedule. What is drawn for it depends on the seed alone, never on how long anything took. */
export interface PlannedFault {
  kind: string
  /** From 0 to 1: which process, connection or side. */
  target: number
  /** From 0 to 1: how long, how much, or how often. */
  amount: number
  /** How long the system is left alone afterwards, in milliseconds. */
  gapMs: number
}

/** Deals the kinds like cards: each comes once, in another order each round, before any comes again. */
export function* planFaults(kinds: readonly string[], random: Random): Generator<PlannedFault> {
  while (kinds.length > 0) {
    for (const kind of random.shuffle(kinds)) {
      yield {
        kind,
        target: random.next(),
        amount: random.next(),
        gapMs: random.between(1000, 4000),
      }
    }
  }
}
