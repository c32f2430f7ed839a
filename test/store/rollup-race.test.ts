import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { closePool, openPool } from '../../src/store/pool.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { comparisonRows } from '../support/comparison-rows.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { traceOf } from '../support/run-tree.ts'
import { insertTenant } from '../support/tenant.ts'

test.each(['exists', 'is made by the other'])(
  'I3 the roll-ups of a trace count the runs that another transaction commits meanwhile: the trace %s',
  async (which) => {
    const database = await createTestDatabase()
    const db = openPool(database.url, { max: 4 })
    const { id: tenantId } = await insertTenant(db)
    const experimentId = await comparisonRows(db, tenantId).experiment(null)
    const { traceId, events } = traceOf(experimentId, 1, {}, [{}, {}])
    const [root, ...children] = events
    if (which === 'exists') await applyEvents(db, tenantId, [root!])

    let batch = Promise.resolve<unknown>(null)
    await db.begin(async (other) => {
      await other`
        insert into runs (tenant_id, id, v, m, trace_id, parent_run_id, experiment_id, name)
        values (${tenantId}, ${randomUUID()}, 1, 1, ${traceId}, ${traceId}, ${experimentId}, 'other')`
      await other`
        insert into traces as held (tenant_id, id, v, m) values (${tenantId}, ${traceId}, 0, 0)
        on conflict (tenant_id, id) do update set run_count = held.run_count`
      batch = applyEvents(db, tenantId, [root!, ...children])
      await vi.waitUntil(
        async () =>
          (
            await db`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
          ).length === 1,
        { timeout: 60_000, interval: 5 },
      )
    })
    await batch
    expect(await db`select run_count, root_name from traces`).toEqual([
      { runCount: 4, rootName: 'root' },
    ])
    await closePool(db)
    await database.drop()
  },
)
