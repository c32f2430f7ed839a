import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement, type Parameter } from '../statements.ts'
import type { Page } from './dataset-experiments.ts'

/** How a thread began and ended, in previews. */
export interface ThreadEnds {
  threadId: string
  firstInputs: string | null
  lastOutputs: string | null
  lastError: JsonText | null
}

/** The ends of these threads of an experiment, by thread. */
export async function runListThreadEnds(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  threadIds: string[],
): Promise<Map<string, ThreadEnds>> {
  const rows = await runStatement<ThreadEnds>(db, 'run_list_thread_ends', [
    tenantId,
    experimentId,
    threadIds,
  ])
  return new Map(rows.map((row) => [row.threadId, row]))
}

/** A thread of the whole tenant, which is Langfuse's session: it is there as soon as a trace names it. */
export interface SessionRow {
  threadId: string
  /** When its first trace began. */
  createdAt: Timestamp
  /** Of its first trace. */
  environment: string
}

/** Which sessions are meant. Absent and empty: all. */
export interface SessionQuery {
  /** Inclusive. */
  from?: Timestamp | undefined
  /** Exclusive. */
  to?: Timestamp | undefined
  environments?: string[] | undefined
}

/** One page, newest first. */
export async function threadList(
  db: Queryable,
  tenantId: string,
  query: SessionQuery,
  { limit, offset }: Page,
): Promise<SessionRow[]> {
  return runStatement<SessionRow>(db, 'thread_list', [
    ...parametersOf(tenantId, query),
    limit,
    offset,
  ])
}

export async function threadCount(
  db: Queryable,
  tenantId: string,
  query: SessionQuery,
): Promise<number> {
  const [row] = await runStatement<{ count: number }>(
    db,
    'thread_count',
    parametersOf(tenantId, query),
  )
  return row!.count
}

function parametersOf(tenantId: string, { from, to, environments }: SessionQuery): Parameter[] {
  const isAny = environments === undefined || environments.length === 0
  return [tenantId, from ?? null, to ?? null, isAny ? null : environments]
}
