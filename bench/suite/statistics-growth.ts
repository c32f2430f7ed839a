import { randomUUID } from 'node:crypto'
import { closePool, openPool } from '../../src/store/pool.ts'
import { aggregateRefresh } from '../../src/store/write/aggregates/aggregates.ts'
import { insertTenant } from '../../test/support/tenant.ts'
import { withFreshStore } from '../fresh-store.ts'
import { createChanges } from './changes.ts'
import { spreadOf } from './spread.ts'

const eventsAtOnce = 500
const smallProject = 1000
const times = 16
const passes = 7

/**
 * What it takes to refresh the statistics of a small project after a write, of what it takes in a project that is many
 * times larger: about 1, because it costs what changed. Both are refreshed in turn.
 */
export async function measureStatisticsGrowth(more: number): Promise<Record<string, number>> {
  let ratio = 0
  await withFreshStore(async ({ db, databaseUrl }) => {
    const refresher = openPool(databaseUrl, { max: 1 })
    const projects = await Promise.all(
      [smallProject, smallProject * times].map(async (events) => {
        const { id: tenantId } = await insertTenant(db)
        const experimentId = randomUUID()
        await db`
          insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
          values (${tenantId}, ${experimentId}, 'project', ${tenantId}, now(), now(), now())`
        const write = createChanges(db, { tenantId, experimentId, traces: 1, runsPerTrace: 4 })
        await write(events)
        return { tenantId, write }
      }),
    )
    try {
      const ratios: number[] = []
      for (let pass = -2; pass < passes * more; pass++) {
        const took: number[] = []
        for (const { tenantId, write } of projects) {
          await write(eventsAtOnce)
          const begun = performance.now()
          while (await aggregateRefresh(refresher, tenantId));
          took.push(performance.now() - begun)
        }
        if (pass >= 0) ratios.push(took[0]! / took[1]!)
      }
      ratio = spreadOf(ratios).median
    } finally {
      await closePool(refresher)
    }
  })
  return { 'small of large project': ratio }
}
