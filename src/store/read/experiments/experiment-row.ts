import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'

/** An experiment: a Langfuse dataset run, or a LangSmith session. */
export interface ExperimentRow {
  id: string
  /** How the client that chose the id spells it; null when nobody chose it, or it is the id itself. */
  externalId: string | null
  /** null for a plain tracing project. */
  datasetId: string | null
  name: string
  description: string | null
  /** LangSmith's `extra.metadata`; `{}` when there is none. */
  metadata: JsonText
  /** LangSmith's `extra` without its metadata. */
  extra: JsonText | null
  traceTier: string | null
  defaultDatasetId: string | null
  startTime: Timestamp
  endTime: Timestamp | null
  createdAt: Timestamp
  updatedAt: Timestamp
}
