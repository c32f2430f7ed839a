import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { runList, type RunPage } from '../../../store/read/runs/run-list.ts'
import type { RunKey, RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { runFind, type RunDetailRow } from '../../../store/read/runs/runs.ts'
import { shareFindByToken } from '../../../store/read/shares.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls, type AttachmentUrls } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { flag, ignored, uuid, uuidList } from '../schemas.ts'
import { publicRunAnswer, runPageAnswer, type PublicRunAnswer } from './run-answer.ts'
import { readRunCursor, runCursors } from './run-cursor.ts'
import { runFromRow } from './run-from-row.ts'
import { runSelection } from './run-select.ts'

const tags = ['public']
const params = z.object({ share_token: uuid })
/** The token in the path is the only credential. */
const config = { scope: 'none', isPublicRead: true } as const

const pageLength = 100

const runSchema = {
  tags,
  summary: 'Read a shared run',
  params,
  querystring: z.object({
    exclude_s3_stored_attributes: ignored(flag.optional(), 'there is one store'),
  }),
  response: { 200: publicRunAnswer },
}

const querySchema = {
  tags,
  summary: 'List a shared run and its descendants, or those of them that are named',
  params,
  body: z.object({ id: z.array(uuid).max(10_000).nullish(), cursor: z.string().nullish() }),
  response: { 200: runPageAnswer(publicRunAnswer) },
}

const runsSchema = {
  tags,
  summary: 'List a shared run and its descendants without pages, or those of them that are named',
  params,
  querystring: z.object({ id: uuidList.optional() }),
  response: { 200: z.array(publicRunAnswer) },
}

/** Reads of a shared run by its token (contracts/langsmith.md 2.9). */
export function publicRoutes(app: App, services: Services): void {
  app.get('/public/:share_token/run', { schema: runSchema, config }, async (request) =>
    publicRunFromRow(
      await findSharedRun(services, request, request.params.share_token),
      attachmentUrls(services, request),
    ),
  )

  app.post('/public/:share_token/runs/query', { schema: querySchema, config }, async (request) => {
    const top = await findSharedRun(services, request, request.params.share_token)
    const { id: ids, cursor } = request.body
    const after = cursor ? readRunCursor(top, 'asc', cursor) : null
    const page = await listShared(services, top, ids, after)
    const urls = attachmentUrls(services, request)
    return {
      runs: page.rows.map((row) => publicRunFromRow(row, urls)),
      cursors: runCursors(top, 'asc', page.next),
      parsed_query: null,
    }
  })

  // JavaScript's client reads no further page, so the list ends after the first.
  app.get('/public/:share_token/runs', { schema: runsSchema, config }, async (request) => {
    const top = await findSharedRun(services, request, request.params.share_token)
    const page = await listShared(services, top, request.query.id, null)
    const urls = attachmentUrls(services, request)
    return page.rows.map((row) => publicRunFromRow(row, urls))
  })
}

function listShared(
  { db }: Pick<Services, 'db'>,
  top: RunDetailRow,
  ids: string[] | null | undefined,
  after: RunKey | null,
): Promise<RunPage> {
  return runList(
    db,
    sharedRuns(top, ids),
    { order: 'asc', after, limit: pageLength },
    runSelection(null).columns,
  )
}

/**
 * Finds the run that a token shares. The request then acts for the run's tenant, so that links to attachments can be
 * signed; the token itself grants no scope.
 * @throws LangsmithError 404 when the token shares nothing, or no longer does
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

/** The shared run and its descendants, or those of them that are named. */
export function sharedRuns(top: RunDetailRow, named?: readonly string[] | null): RunQuery {
  const shared = new Set([top.id, ...top.childRunIds])
  const ids = named == null ? [...shared] : named.filter((id) => shared.has(id))
  return { tenantId: top.tenantId, ids }
}

const publicFields = new Set(Object.keys(publicRunAnswer.shape))

/** RunPublicSchema. */
function publicRunFromRow(row: RunDetailRow, urls: AttachmentUrls): PublicRunAnswer {
  return Object.fromEntries(
    Object.entries(runFromRow(row, urls)).filter(([name]) => publicFields.has(name)),
  ) as PublicRunAnswer
}
