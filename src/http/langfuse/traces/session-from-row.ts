import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { SessionRow } from '../../../store/read/traces/threads.ts'

/** Session (contracts/langfuse.md 2.13, 2.16). */
export function sessionFromRow(tenantId: string, row: SessionRow): Record<string, unknown> {
  return {
    id: row.threadId,
    createdAt: toMillisecondIso(row.createdAt),
    projectId: tenantId,
    environment: row.environment,
  }
}
