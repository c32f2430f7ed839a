import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { runListMetadataValues } from '../../../store/read/runs/run-metadata.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { flag, listOf, text, time, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Read the most frequent metadata values of the runs of a project or experiment',
  params: z.object({ id: uuid }),
  querystring: z.object({
    metadata_keys: listOf(text, { max: 100 }).optional(),
    k: z.coerce.number().int().min(1).max(1000).default(10),
    root_runs_only: flag.default(false),
    start_time: time.optional(),
  }),
  response: { 200: z.record(z.string(), z.array(z.string())) },
}

/** `GET /sessions/{id}/metadata` (contracts/langsmith.md 2.5.2): every requested key has a list. */
export function getSessionsIdMetadata(app: App, { db }: Services): void {
  app.get('/sessions/:id/metadata', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { query, params } = request
    if ((await experimentFind(db, tenantId, params.id)) === null) throw notFound('Session')
    const keys = query.metadata_keys ?? null
    const values = await runListMetadataValues(db, tenantId, {
      experimentId: params.id,
      keys,
      limit: query.k,
      isRootOnly: query.root_runs_only,
      startTime: query.start_time ?? null,
    })
    return Object.fromEntries(
      (keys ?? [...values.keys()]).map((key) => [key, values.get(key) ?? []]),
    )
  })
}
