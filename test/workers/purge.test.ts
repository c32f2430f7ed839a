import { expect, test } from 'vitest'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { aggregateLock } from '../../src/store/write/aggregates/aggregates.ts'
import { experimentPurge } from '../../src/store/write/purge.ts'
import { harness } from '../support/harness.ts'

test('a purge deletes all but the sums while another transaction refreshes aggregates', async () => {
  const h = await harness()
  const { id: tenantId } = h.tenant
  const experimentId = deriveId('test', 'experiment')
  await h.db`
    insert into tombstones (tenant_id, kind, id, deleted_at) values (${tenantId}, 'experiment', ${experimentId}, now())`
  // More than one statement deletes.
  await h.db`
    insert into traces (tenant_id, id, v, m, experiment_id)
    select ${tenantId}, gen_random_uuid(), 1, 0, ${experimentId} from generate_series(1, 1001)`
  await h.db`
    insert into experiment_sums (tenant_id, experiment_id, id, kind, n)
    values (${tenantId}, ${experimentId}, ${tenantId}, 'traces', 1)`
  let purge: Promise<void> | undefined
  await h.db.begin(async (transaction) => {
    await aggregateLock(transaction, tenantId)
    purge = experimentPurge(h.db, tenantId, experimentId, fromEpochMs(0)!)
    while ((await transaction`select from traces limit 1`).length > 0);
    expect(await transaction`select from experiment_sums`).toHaveLength(1)
  })
  await purge
  expect(await h.db`select from experiment_sums`).toHaveLength(0)
})
