import { isDeepStrictEqual } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from '../src/store/pool.ts'
import { experimentAggregateRebuild } from '../src/store/write/aggregates/aggregates.ts'

export interface DerivedVerdict {
  experiments: number
  /** Experiments whose aggregates were not refreshed in time. */
  stale: number
  /** Experiments whose aggregates differ from those rebuilt from the rows. */
  wrongAggregates: number
  /** Traces whose counts differ from those of their runs. */
  wrongRollups: number
  deadLetters: number
  findings: string[]
}

/** Compares what is derived from rows with what the rows say now (SPEC I10), once no experiment is marked dirty. */
export async function verifyDerived(
  db: Db,
  tenantId: string,
  limitMs: number,
): Promise<DerivedVerdict> {
  const stale = await waitUntilClean(db, tenantId, limitMs)
  const before = await readAggregates(db, tenantId)
  const experiments = await db<{ id: string }[]>`
    select id from experiments where tenant_id = ${tenantId}`
  for (const { id } of experiments) {
    await experimentAggregateRebuild(db, tenantId, id)
  }
  const after = await readAggregates(db, tenantId)
  const findings: string[] = []
  let wrongAggregates = 0
  for (const [id, rebuilt] of after) {
    const stored = before.get(id)
    // An experiment without any row has no aggregates until somebody asks for them.
    if (stored === undefined && rebuilt.item_count === 0 && rebuilt.run_count === 0) continue
    if (isDeepStrictEqual(stored, rebuilt)) continue
    wrongAggregates++
    findings.push(
      `aggregates of ${id}: ${JSON.stringify(stored)} and not ${JSON.stringify(rebuilt)}`,
    )
  }
  const rollups = await db<{ id: string; stored: number; counted: number }[]>`
    select trace.id, trace.run_count as stored, count(run.id)::integer as counted
    from traces trace
    left join runs run on run.tenant_id = trace.tenant_id and run.trace_id = trace.id
    where trace.tenant_id = ${tenantId}
    group by trace.tenant_id, trace.id
    having trace.run_count <> count(run.id)
      or trace.error_count <> count(run.id) filter (where run.status = 'error')
      or trace.total_tokens is distinct from sum(run.total_tokens)`
  for (const { id, stored, counted } of rollups.slice(0, 5)) {
    findings.push(`trace ${id} says ${stored} runs and has ${counted}, or other errors or tokens`)
  }
  const letters = await db<{ kind: string; rowId: string; reason: string }[]>`
    select kind, row_id, reason from dead_letters`
  for (const { kind, rowId, reason } of letters.slice(0, 5)) {
    findings.push(`dead letter: ${kind} ${rowId}: ${reason.slice(0, 200)}`)
  }
  return {
    experiments: experiments.length,
    stale,
    wrongAggregates,
    wrongRollups: rollups.length,
    deadLetters: letters.length,
    findings,
  }
}

/** @returns how many experiments are still marked when the time is over */
async function waitUntilClean(db: Db, tenantId: string, limitMs: number): Promise<number> {
  for (const deadline = Date.now() + limitMs; ; ) {
    const [row] = await db<{ n: number }[]>`
      select count(distinct experiment_id)::integer as n from stale_experiments
      where tenant_id = ${tenantId}`
    if (row!.n === 0 || Date.now() > deadline) return row!.n
    await pause(300)
  }
}

/**
 * Tells whether the repeating jobs still run: traces are marked dirty without the job that a worker adds with the
 * mark, so that nothing but the sweep can find them (SPEC I10).
 */
export async function sweepRuns(db: Db, tenantId: string, limitMs: number): Promise<boolean> {
  await db`
    insert into dirty_traces (tenant_id, trace_ids)
    select tenant_id, array[trace_id] from trace_aggregates where tenant_id = ${tenantId}`
  return (await waitUntilClean(db, tenantId, limitMs)) === 0
}

async function readAggregates(
  db: Db,
  tenantId: string,
): Promise<Map<string, Record<string, unknown>>> {
  const rows = await db<{ id: string; row: string }[]>`
    select experiment_id as id, to_json(stored)::text as row
    from experiment_aggregates stored where tenant_id = ${tenantId}`
  return new Map(rows.map(({ id, row }) => [id, JSON.parse(row) as Record<string, unknown>]))
}
