import type { ExperimentColumns } from '../../../domain/stats/experiment-columns.ts'
import { pairUp, type Pairing } from '../../../domain/stats/pairing.ts'
import type { Db } from '../../pool.ts'
import { createReadSlots } from '../../read-slots.ts'
import { currentReading } from '../../reading.ts'
import { ByteCache } from './byte-cache.ts'
import type { NamedExperiment } from './compared-experiments.ts'
import { type ExampleFacts, exampleFactsRead, type ExampleQuestion } from './example-facts.ts'
import {
  executionColumnsRead,
  type ExperimentState,
  experimentStateFind,
} from './execution-columns.ts'

/** Two experiments side by side. */
export interface ColumnPair {
  baseline: ExperimentColumns
  candidate: ExperimentColumns
  pairing: Pairing
  facts: ExampleFacts
}

/** Reads experiments as columns, and keeps those that were read last for as long as they do not change. */
export interface ColumnStore {
  /**
   * Calls `use` with the columns of each of some experiments beside those of a baseline, one after the other.
   * @param keys what is asked for; null: everything
   * @throws ReadsBusyError when other large comparisons take too long
   * @throws ColumnsTooLargeError
   */
  compare(
    tenantId: string,
    baseline: NamedExperiment,
    candidates: readonly NamedExperiment[],
    asked: Omit<ExampleQuestion, 'starts'> & { keys: ReadonlySet<string> | null },
    use: (pair: ColumnPair, index: number) => Promise<void>,
  ): Promise<void>
}

/** Of all tenants: some 60 experiments of 10,000 examples with six measures. */
const keptBytes = 64 * 1024 ** 2
/** Of one experiment: two million examples with six measures. */
const mostBytes = 256 * 1024 ** 2
/** Larger experiments are compared one at a time, because they are not kept and their columns take much memory. */
const largeFrom = 200_000
const patienceMs = 5000

interface Held {
  columns: ExperimentColumns
  /** null: it may have changed unnoticed. */
  version: string | null
}

export function createColumnStore(db: Db): ColumnStore {
  const experiments = new ByteCache<ExperimentColumns>(keptBytes / 2)
  const pairs = new ByteCache<{ pairing: Pairing; facts: ExampleFacts }>(keptBytes / 2)
  const large = createReadSlots(1, 1)

  async function read(
    tenantId: string,
    { id }: NamedExperiment,
    state: ExperimentState | null,
    keys: ReadonlySet<string> | null,
  ): Promise<Held> {
    const isComplete = state?.isComplete ?? false
    const version = isComplete ? `${tenantId} ${id} ${state!.version}` : null
    const known = version === null ? undefined : experiments.get(version)
    if (known !== undefined) return { columns: known, version }
    // Everything, where it can be kept for the next request, which may ask for something else.
    const isLarge = (state?.items ?? 0) > largeFrom
    const columns = await executionColumnsRead(db, tenantId, id, {
      isComplete,
      keys: isLarge ? keys : null,
      mostBytes,
    })
    if (version === null || columns.isUnmarked || isLarge) return { columns, version: null }
    experiments.set(version, columns, columns.bytes)
    return { columns, version }
  }

  return {
    compare: async (tenantId, baseline, candidates, { keys, ...asked }, use) => {
      // Before the rows are read, so that what changes meanwhile makes another version.
      const states: (ExperimentState | null)[] = []
      for (const { id } of [baseline, ...candidates]) {
        states.push(await experimentStateFind(db, tenantId, id))
      }
      const isLarge = states.some((state) => (state?.items ?? 0) > largeFrom)
      const signal = currentReading()?.signal ?? new AbortController().signal
      const release = isLarge ? await large.take(tenantId, signal, patienceMs) : () => {}
      try {
        const left = await read(tenantId, baseline, states[0]!, keys)
        for (const [i, candidate] of candidates.entries()) {
          const right = await read(tenantId, candidate, states[i + 1]!, keys)
          const starts = [baseline.startTime, candidate.startTime] as const
          const isNarrowed = asked.metadata !== undefined || asked.text !== undefined
          const version =
            left.version === null || right.version === null
              ? null
              : `${left.version} ${right.version} ${starts.join(' ')}`
          let pair = version === null || isNarrowed ? undefined : pairs.get(version)
          if (pair === undefined) {
            const pairing = pairUp(left.columns, right.columns)
            const facts = await exampleFactsRead(db, tenantId, pairing.ids, { ...asked, starts })
            pair = { pairing, facts }
            // An example that is not there may come yet.
            if (version !== null && !isNarrowed && !facts.isAnyUnknown) {
              pairs.set(version, pair, bytesOfPair * pairing.size)
            }
          }
          await use({ baseline: left.columns, candidate: right.columns, ...pair }, i)
        }
      } finally {
        release()
      }
    },
  }
}

/** Id, sides, two places, time, change. */
const bytesOfPair = 34
