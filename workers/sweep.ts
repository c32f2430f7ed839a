import { experimentDirtyMarkList } from '../src/store/write/aggregates.ts'
import { tombstoneListUnpurged } from '../src/store/write/purge.ts'
import type { WorkerParts } from './ingest.ts'

/** Things found by one sweep; the next one takes the rest. */
const sweepLimit = 500

/** Finds what lost nudges left behind: dirty experiments and unpurged deletions, and nudges again. */
export async function sweep({ db, queue }: WorkerParts): Promise<void> {
  for (const key of await experimentDirtyMarkList(db, sweepLimit)) {
    await queue.nudge('aggregate', `${key.tenantId}-${key.experimentId}`, key)
  }
  for (const { tenantId, kind, id } of await tombstoneListUnpurged(db, sweepLimit)) {
    await queue.nudge('purge', `${tenantId}-${kind}-${id}`, { tenantId, kind, id })
  }
}
