import type { FastifyRequest } from 'fastify'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { runFind } from '../../../store/read/runs/runs.ts'
import { shareFindByToken } from '../../../store/read/shares.ts'
import type { Services } from '../../services.ts'
import type { AttachmentUrls } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { runFromRow } from './run-from-row.ts'

/**
 * The run that a token shares. The request goes on as its tenant, for whom links to attachments are signed; the token
 * itself may do nothing else.
 * @throws LangsmithError 404 when nothing is shared under it, or no longer
 */
export async function findSharedRun(
  { db }: Pick<Services, 'db'>,
  request: FastifyRequest,
  token: string,
): Promise<RunDetailRow> {
  const shared = await shareFindByToken(db, 'run', token)
  const run = shared === null ? null : await runFind(db, shared.tenantId, shared.id)
  if (run === null) throw notFound('Shared run')
  request.principal = { tenantId: run.tenantId, tenantName: '', scopes: [] }
  return run
}

/** What RunPublicSchema leaves out of a run: where it is kept, and what else is there. */
const privateFields = new Set([
  'session_id',
  'app_path',
  'last_queued_at',
  'in_dataset',
  'share_token',
  'trace_tier',
  'trace_first_received_at',
  'ttl_seconds',
  'trace_upgrade',
  'reference_dataset_id',
  'thread_id',
])

/** RunPublicSchema. */
export function publicRunFromRow(row: RunDetailRow, urls: AttachmentUrls): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(runFromRow(row, urls)).filter(([name]) => !privateFields.has(name)),
  )
}
