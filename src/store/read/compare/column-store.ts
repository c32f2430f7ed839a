import { setImmediate } from 'node:timers/promises'
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
  ColumnsTooLargeError,
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
/** Of all tenants: some 50 pairs of such experiments. */
const keptBytesOfPairs = 16 * 1024 ** 2
/** Of one experiment: two million examples with six measures. */
const mostBytes = 256 * 1024 ** 2
/** Of each example of a pair: id, sides, two places, time, change. */
const bytesOfPair = 34
/** Larger experiments are compared one at a time, because they are not kept and their columns take much memory. */
const largeFrom = 200_000
/** So are those whose columns take more than this, with fewer executions. */
const mostBytesOfSmall = keptBytes / 2
/** How many experiments are known to be of that kind. */
const mostHeavy = 10_000
const patienceMs = 5000

type Pair = Pick<ColumnPair, 'pairing' | 'facts'>

export function createColumnStore(db: Db): ColumnStore {
  const kept = new ByteCache<ExperimentColumns>(keptBytes)
  /** By the versions of baseline and candidate, and when they began. */
  const pairs = new ByteCache<Pair>(keptBytesOfPairs)
  /** Versions whose columns take more than `mostBytesOfSmall`. */
  const heavy = new ByteCache<true>(mostHeavy)
  const large = createReadSlots(1, 1)

  return {
    compare: async (tenantId, baseline, candidates, { keys, ...asked }, use) => {
      const signal = currentReading()?.signal ?? new AbortController().signal
      let slot: Promise<() => void> | undefined
      const enterLarge = async () => (slot ??= large.take(tenantId, signal, patienceMs))
      // Before the rows are read, so that what changes meanwhile makes another version.
      const states = new Map<string, ExperimentState | null>()
      for (const { id } of [baseline, ...candidates]) {
        states.set(id, await experimentStateFind(db, tenantId, id))
      }
      /** null: it may not be kept. */
      const versionOf = ({ id }: NamedExperiment): string | null => {
        const state = states.get(id) ?? null
        return state?.isComplete === true ? `${tenantId} ${id} ${state.version}` : null
      }
      const isLarge = (experiment: NamedExperiment): boolean => {
        if ((states.get(experiment.id)?.items ?? 0) > largeFrom) return true
        const version = versionOf(experiment)
        return version !== null && heavy.get(version) === true
      }
      const find = (experiment: NamedExperiment): ExperimentColumns | undefined => {
        const version = versionOf(experiment)
        return version === null ? undefined : kept.get(version)
      }
      /** What is kept, unless it may lack what is asked for. */
      const known = (experiment: NamedExperiment): ExperimentColumns | undefined => {
        const columns = find(experiment)
        return keys !== null && columns?.hasMoreKeys === true ? undefined : columns
      }
      const readKeys = async (
        { id }: NamedExperiment,
        wanted: ReadonlySet<string> | null,
        most: number,
      ): Promise<ExperimentColumns> => {
        const isComplete = states.get(id)?.isComplete ?? false
        return executionColumnsRead(db, tenantId, id, { isComplete, keys: wanted, mostBytes: most })
      }
      const readSmall = async (experiment: NamedExperiment): Promise<ExperimentColumns | null> => {
        if (isLarge(experiment)) return null
        const version = versionOf(experiment)
        try {
          if (find(experiment) === undefined) {
            // Everything, so that it can be kept for the next request, which may ask for something else.
            const columns = await readKeys(experiment, null, mostBytesOfSmall)
            if (version !== null && !columns.isUnmarked) kept.set(version, columns, columns.bytes)
            if (keys === null || !columns.hasMoreKeys) return columns
          }
          return await readKeys(experiment, keys, mostBytesOfSmall)
        } catch (error) {
          if (!(error instanceof ColumnsTooLargeError)) throw error
          if (version !== null) heavy.set(version, true, 1)
          return null
        }
      }
      const read = async (experiment: NamedExperiment): Promise<ExperimentColumns> => {
        const small = await readSmall(experiment)
        if (small !== null) return small
        await enterLarge()
        return readKeys(experiment, keys, mostBytes)
      }
      const pairKeyOf = (candidate: NamedExperiment): string =>
        [baseline, candidate].map((each) => `${versionOf(each)} ${each.startTime}`).join(' ')

      try {
        if ([baseline, ...candidates].some(isLarge)) await enterLarge()
        let left = known(baseline)
        for (const [i, candidate] of candidates.entries()) {
          // Nothing may have to be read, and others are to be served between two candidates.
          if (i > 0) await setImmediate()
          const right = known(candidate)
          const isAll = !isNarrowed(asked)
          let pair = isAll && left && right ? pairs.get(pairKeyOf(candidate)) : undefined
          const [before, after, facts] = await Promise.all([
            left ?? read(baseline),
            right ?? read(candidate),
            pair ??
              exampleFactsRead(db, tenantId, [baseline.id, candidate.id], {
                ...asked,
                starts: [baseline.startTime, candidate.startTime],
              }),
          ])
          left = before
          if (facts instanceof FactsBuilder) {
            const pairing = pairUp(before, after)
            pair = { pairing, facts: facts.done(pairing, !isAll) }
            // An example that is not there may come yet.
            const canKeep = isAll && !pair.facts.isAnyUnknown
            if (canKeep && find(baseline) !== undefined && find(candidate) !== undefined) {
              pairs.set(pairKeyOf(candidate), pair, bytesOfPair * pairing.size)
            }
          }
          await use({ baseline: before, candidate: after, ...pair! }, i)
        }
      } finally {
        await slot?.then(
          (release) => release(),
          () => {},
        )
      }
    },
  }
}
