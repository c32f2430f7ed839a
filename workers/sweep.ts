import { fromEpochMs, toEpochMs } from '../src/domain/timestamp.ts'
import { experimentDirtyMarkList } from '../src/store/write/aggregates.ts'
import { tombstoneListUnpurged } from '../src/store/write/purge.ts'
import type { WorkerParts } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/** Things found by one sweep; the next one takes the rest. */
const sweepLimit = 500

/** No transaction of ours takes longer. */
const settleMs = 60_000

/** Finds what lost nudges left behind: dirty experiments and unpurged deletions, and nudges again. */
export async function sweep({ db, queue, clock, pace }: WorkerParts): Promise<void> {
  for (const key of await experimentDirtyMarkList(db, sweepLimit)) {
    await nudgeAggregate({ queue, pace }, key)
  }
  const settledBefore = fromEpochMs(toEpochMs(clock.now()) - settleMs)!
  for (const { tenantId, kind, id } of await tombstoneListUnpurged(db, settledBefore, sweepLimit)) {
    await queue.nudge('purge', `${tenantId}-${kind}-${id}`, { tenantId, kind, id })
  }
}
