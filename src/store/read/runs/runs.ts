import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import { runListRelatives, withPaths, type Relatives } from './run-trees.ts'

/** A run as every view shows it. Tokens and costs of the root run are those of its whole trace. */
export interface RunRow {
  id: string
  tenantId: string
  /** The id of the root run. null for a run that named only its parent, until the parent arrives. */
  traceId: string | null
  experimentId: string
  parentRunId: string | null
  name: string | null
  runType: string | null
  status: 'success' | 'error' | 'pending'
  startTime: Timestamp | null
  endTime: Timestamp | null
  createdAt: Timestamp | null
  inputs: JsonText | null
  inputsPreview: string | null
  outputs: JsonText | null
  outputsPreview: string | null
  error: JsonText | null
  statusMessage: string | null
  level: string | null
  events: JsonText | null
  serialized: JsonText | null
  tags: string[] | null
  /** Stored, or derived from the ancestors. */
  dottedOrder: string | null
  referenceExampleId: string | null
  metadata: JsonText | null
  runtime: JsonText | null
  extra: JsonText | null
  /** By name: see `readAttachments`. */
  attachments: JsonText | null
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  traceMinStartTime: Timestamp | null
  traceMaxStartTime: Timestamp | null
  /**
   * `{key: {n, avg, values}}` over the run's feedback. A root run also has the feedback that was given to its trace and
   * to no run.
   */
  feedbackStats: JsonText | null
}

/** A single run, with the fields that are found in other rows. */
export interface RunDetailRow extends RunRow {
  usageDetails: JsonText | null
  costDetails: JsonText | null
  /** The price with which the run's own cost was computed; null when it was sent, or there is none. */
  priceId: string | null
  firstTokenTime: Timestamp | null
  /** The first token of any run of the trace. Absent where it is not read. */
  traceFirstTokenTime?: Timestamp | null
  threadId: string | null
  traceTier: string | null
  /** All descendants, parents before children. */
  childRunIds: string[]
  directChildRunIds: string[]
  /** The dataset of the reference example; null when there is no such example. */
  referenceDatasetId: string | null
  /** The token with which anyone may read the run; null when it is not shared. */
  shareToken: string | null
  /** True when an example was made from this run. */
  inDataset: boolean
}

/**
 * Reads one run.
 * @returns null when there is none, when its experiment is deleted, or while only a fragment of it has arrived
 */
export async function runFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<RunDetailRow | null> {
  const stored = await runStatement<Omit<RunDetailRow, keyof Relatives>>(db, 'run_find', [
    tenantId,
    id,
  ])
  const [row] = await withPaths(db, tenantId, stored)
  if (row === undefined) return null
  const relatives = await runListRelatives(db, tenantId, [row], [stored[0]!.traceId])
  return { ...row, ...relatives(row) }
}
