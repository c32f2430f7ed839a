import type { JsonText } from '../../domain/entities.ts'
import type { ResolvedId } from '../../domain/ids.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { tenantLock } from './tenants/tenants.ts'

/** An experiment over a client's own data, which is known only from its traces. Metadata must be fit for `jsonb`. */
export interface TracedExperiment extends ResolvedId {
  name: string
  description: string | null
  metadata: JsonText | null
  /** The client's id of a dataset that does not exist. It is shown as it was sent. */
  namedDataset: string | null
}

/** Makes those that neither exist nor were deleted, each as a plain experiment without a dataset. */
export async function experimentInsertTraced(
  db: Db,
  tenantId: string,
  experiments: TracedExperiment[],
  now: Timestamp,
): Promise<void> {
  await db.begin(async (transaction) => {
    await tenantLock(transaction, tenantId)
    await runStatement(transaction, 'experiment_insert_traced', [
      tenantId,
      now,
      experiments.map((one) => one.id),
      experiments.map((one) => one.externalId),
      experiments.map((one) => one.name),
      experiments.map((one) => one.description),
      experiments.map((one) => one.metadata),
      experiments.map((one) => one.namedDataset),
    ])
  })
}
