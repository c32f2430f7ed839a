import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createLedger, type Ledger } from '../../chaos/ledger.ts'
import type { Setting } from '../../chaos/unit-kind.ts'
import { sweepRuns, verifyDerived } from '../../chaos/verify-derived.ts'
import { verifyRows } from '../../chaos/verify.ts'
import { kindOf } from '../../chaos/workload.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import { deriveId, experimentId } from '../../src/domain/ids.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { aggregateRefresh } from '../../src/store/write/aggregates/aggregates.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

/** A harness that finds nothing proves nothing: each kind of harm is done by hand here, and has to be found. */

const units = 8
const setting: Setting = {
  seed: 7,
  epochMs: Date.UTC(2026, 0, 1),
  datasetId: deriveId('chaos test', 'dataset'),
  examples: ['a', 'b', 'c'].map((name) => deriveId('chaos test', name)),
}

let database: TestDatabase
let db: Db
let tenantId: string
let ledger: Ledger

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 2 })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

beforeEach(async () => {
  tenantId = (await insertTenant(db)).id
  const names = ['default', ...[0, 1, 2, 3, 4].map((n) => `chaos project ${n}`)]
  const ids = names.map((name) => experimentId(null, name, 0))
  for (let n = 0; n < 7; n++) ids.push(experimentId(setting.datasetId, `chaos run ${n}`, 0))
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, id, id::text, id, now(), now(), now() from unnest(${ids}::uuid[]) as id`
  ledger = createLedger(setting.epochMs)
  const events: IngestEvent[] = []
  for (let unit = 0; unit < units; unit++) {
    const kind = kindOf(unit)
    for (let step = 0; step < kind.stepCount; step++) {
      ledger.noteSent(unit, step)
      ledger.noteAcknowledged(unit, step, setting.epochMs + 1000)
      events.push(...kind.eventsOf(setting, unit, step))
    }
  }
  await applyEvents(db, tenantId, events.toReversed())
})

const never = (): boolean => false
const verify = async () => verifyRows(db, tenantId, { setting, ledger }, never)

describe('rows', () => {
  test('everything that was acknowledged is there, with the values of the fold', async () => {
    expect(await verify()).toMatchObject({ lost: 0, wrong: 0, uncertain: 0, findings: [] })
    expect((await verify()).rows).toBeGreaterThan(units * 2)
    expect(ledger.acknowledged).toBe(4 * 6 + 2 * 7 + 2 * 2)
  })

  // The trace of a LangSmith run, and the run item of its example, are derived: the ledger does not speak of them.
  test.each([
    { table: 'runs', lost: units * 2 },
    { table: 'traces', lost: 4 },
    { table: 'run_items', lost: 2 },
    { table: 'feedback', lost: 6 },
  ])('lost rows of $table are found: $lost', async ({ table, lost }) => {
    await db`delete from ${db(table)} where tenant_id = ${tenantId}`
    expect(await verify()).toMatchObject({ lost, wrong: 0 })
  })

  test.each([
    ['runs', 'end_time', `end_time + interval '1 microsecond'`],
    ['runs', 'outputs', `'{"other":1}'`],
    ['traces', 'tags', `'{ended}'`],
    ['feedback', 'comment', `'other'`],
  ])('a wrong value in %s.%s is found', async (table, column, value) => {
    await db.unsafe(
      `update ${table} set ${column} = ${value} where ctid = (
        select ctid from ${table} where tenant_id = '${tenantId}' and ${column} is not null limit 1)`,
    )
    const verdict = await verify()
    expect(verdict).toMatchObject({ lost: 0, wrong: 1 })
    expect(verdict.findings).toHaveLength(1)
  })

  test('what was never acknowledged makes a row uncertain, and not lost', async () => {
    const unit = units
    ledger.noteSent(unit, 0)
    ledger.noteSent(unit, 1)
    ledger.noteAcknowledged(unit, 0, setting.epochMs + 2000)
    const [create] = kindOf(unit).eventsOf(setting, unit, 0)
    await applyEvents(db, tenantId, [create!])
    expect(await verify()).toMatchObject({ lost: 0, wrong: 0, uncertain: 1 })
  })

  test('a loss that was to be expected is counted apart', async () => {
    await db`delete from runs where tenant_id = ${tenantId}`
    const at = setting.epochMs + 1000
    const verdict = await verifyRows(db, tenantId, { setting, ledger }, (when) => when === at)
    expect(verdict).toMatchObject({ lost: 0, wrong: 0 })
    expect(verdict.forgiven).toBeGreaterThan(0)
  })
})

describe('what is derived', () => {
  /** Refreshes everything, as the workers would have. */
  async function refresh(): Promise<void> {
    while (await aggregateRefresh(db, tenantId));
  }

  test('experiments that nobody refreshed are found', async () => {
    const verdict = await verifyDerived(db, tenantId, 0)
    expect(verdict.stale).toBeGreaterThan(0)
  })

  test('aggregates, traces and dead letters: nothing is found where all is well', async () => {
    await refresh()
    expect(await verifyDerived(db, tenantId, 0)).toMatchObject({
      stale: 0,
      wrongAggregates: 0,
      wrongRollups: 0,
      deadLetters: 0,
      findings: [],
    })
  })

  test('an aggregate that differs from a rebuild is found', async () => {
    await refresh()
    await db`
      update experiment_aggregates set run_count = run_count + 1 where ctid = (
        select ctid from experiment_aggregates where tenant_id = ${tenantId} limit 1)`
    expect(await verifyDerived(db, tenantId, 0)).toMatchObject({ wrongAggregates: 1 })
  })

  test('a trace that differs from its runs is found', async () => {
    await refresh()
    await db`
      update traces set error_count = error_count + 1 where ctid = (
        select ctid from traces where tenant_id = ${tenantId} limit 1)`
    expect(await verifyDerived(db, tenantId, 0)).toMatchObject({ wrongRollups: 1 })
  })

  test('marks that no sweep takes away are found', async () => {
    expect(await sweepRuns(db, tenantId, 0)).toBe(false)
  })
})
