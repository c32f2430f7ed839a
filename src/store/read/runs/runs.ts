import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

/** A run as every view of it shows it. Tokens and costs of a root run are those of its whole trace. */
export interface RunRow {
  id: string
  tenantId: string
  /** null while a run that came with its parent only waits for that parent. */
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
  /** `{key: {n, avg, values}}` over the run's feedback; a root's is also what was given to its trace and no run. */
  feedbackStats: JsonText | null
}

/** A single run with what takes a look at its neighbours. */
export interface RunDetailRow extends RunRow {
  usageDetails: JsonText | null
  costDetails: JsonText | null
  firstTokenTime: Timestamp | null
  threadId: string | null
  traceTier: string | null
  /** All descendants, parents before children. */
  childRunIds: string[]
  directChildRunIds: string[]
  /** Dataset of the reference example; null when there is no such example. */
  referenceDatasetId: string | null
  /** The token under which anyone may read it; null when it is not shared. */
  shareToken: string | null
  /** True when an example was made from this run. */
  inDataset: boolean
}

/**
 * One run.
 * @returns null when there is none, when its experiment is deleted, or while only a fragment of it has arrived
 */
export async function runFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<RunDetailRow | null> {
  const [row] = await runStatement<RunDetailRow>(db, 'run_find', [tenantId, id])
  return row ?? null
}
