import { type ExampleFacts, FactsBuilder } from '../../../domain/stats/example-facts.ts'
import type { ExperimentColumns } from '../../../domain/stats/experiment-columns.ts'
import { pairUp, type Pairing } from '../../../domain/stats/pairing.ts'
import type { Db } from '../../pool.ts'
import { createReadSlots } from '../../read-slots.ts'
import { currentReading } from '../../reading.ts'
import { ByteCache } from './byte-cache.ts'
import type { NamedExperiment } from './compared-experiments.ts'
import { exampleFactsRead, type ExampleQuestion, isNarrowed } from './example-facts.ts'
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

/** Of all tenants: some 50 experiments of 10,000 examples with six measures. */
const keptBytes = 64 * 1024 ** 2
/** Of one experiment: two million examples with six measures. */
const mostBytes = 256 * 1024 ** 2
/** Of each example of a pair: id, sides, two places, time, change. */
const bytesOfPair = 34
/** Larger experiments are compared one at a time, because they are not kept and their columns take much memory. */
const largeFrom = 200_000
const patienceMs = 5000

type Pair = Pick<ColumnPair, 'pairing' | 'facts'> & { starts: string }

export function createColumnStore(db: Db): ColumnStore {
  const kept = new ByteCache<ExperimentColumns>(keptBytes)
  /** By baseline and candidate. A pair lives no longer than the columns that it fits. */
  const pairs = new WeakMap<ExperimentColumns, WeakMap<ExperimentColumns, Pair>>()
  const large = createReadSlots(1, 1)

  async function readColumns(
    tenantId: string,
    experimentId: string,
    state: ExperimentState | null,
    keys: ReadonlySet<string> | null,
  ): Promise<ExperimentColumns> {
    const isComplete = state?.isComplete ?? false
    const isLarge = (state?.items ?? 0) > largeFrom
    const columns = await executionColumnsRead(db, tenantId, experimentId, {
      isComplete,
      // Everything, where it can be kept for the next request, which may ask for something else.
      keys: isLarge ? keys : null,
      mostBytes,
    })
    if (state !== null && isComplete && !isLarge && !columns.isUnmarked) {
      kept.set(
        versionOf(tenantId, experimentId, state),
        columns,
        columns.bytes + bytesOfPair * columns.size,
      )
    }
    return columns
  }

  return {
    compare: async (tenantId, baseline, candidates, { keys, ...asked }, use) => {
      // Before the rows are read, so that what changes meanwhile makes another version.
      const states = new Map<string, ExperimentState | null>()
      for (const { id } of [baseline, ...candidates]) {
        states.set(id, await experimentStateFind(db, tenantId, id))
      }
      const isLarge = [...states.values()].some((state) => (state?.items ?? 0) > largeFrom)
      const signal = currentReading()?.signal ?? new AbortController().signal
      const release = isLarge ? await large.take(tenantId, signal, patienceMs) : () => {}
      const known = ({ id }: NamedExperiment): ExperimentColumns | undefined => {
        const state = states.get(id) ?? null
        return state?.isComplete === true ? kept.get(versionOf(tenantId, id, state)) : undefined
      }
      const read = async ({ id }: NamedExperiment): Promise<ExperimentColumns> =>
        readColumns(tenantId, id, states.get(id) ?? null, keys)
      try {
        let left = known(baseline)
        for (const [i, candidate] of candidates.entries()) {
          const right = known(candidate)
          const isAll = !isNarrowed(asked)
          const starts = [baseline.startTime, candidate.startTime] as const
          let pair = isAll && left && right ? pairs.get(left)?.get(right) : undefined
          if (pair?.starts !== starts.join()) pair = undefined
          const [before, after, facts] = await Promise.all([
            left ?? read(baseline),
            right ?? read(candidate),
            pair ??
              exampleFactsRead(db, tenantId, [baseline.id, candidate.id], {
                ...asked,
                starts,
              }),
          ])
          left = before
          if (facts instanceof FactsBuilder) {
            const pairing = pairUp(before, after)
            pair = { pairing, facts: facts.done(pairing, !isAll), starts: starts.join() }
            // An example that is not there may come yet.
            if (isAll && !pair.facts.isAnyUnknown) {
              const others = pairs.get(before) ?? new WeakMap<ExperimentColumns, Pair>()
              pairs.set(before, others.set(after, pair))
            }
          }
          await use({ baseline: before, candidate: after, ...pair! }, i)
        }
      } finally {
        release()
      }
    },
  }
}

function versionOf(tenantId: string, experimentId: string, { version }: ExperimentState): string {
  return `${tenantId} ${experimentId} ${version}`
}
