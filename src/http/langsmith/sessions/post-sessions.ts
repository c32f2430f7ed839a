import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { experimentInsert } from '../../../store/write/experiments.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { flag, jsonObject, text, time, uuid } from '../schemas.ts'
import { sessionFromRow, splitExtra } from './session-from-row.ts'

/** `extra` of a session. Its metadata can be searched, so they must be an object. */
export const sessionExtra = z.looseObject({ metadata: jsonObject.nullish() }).nullish()

export const traceTier = z.enum(['longlived', 'shortlived']).nullish()

/** The vendor's limit (contracts/langsmith.md 2.5.2). */
export const sessionName = z.string().min(1).max(128).pipe(text)

const body = z.object({
  name: sessionName.optional().describe('Absent: one is made up'),
  id: uuid.nullish(),
  description: text.nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  extra: sessionExtra,
  reference_dataset_id: uuid.nullish(),
  default_dataset_id: uuid.nullish(),
  trace_tier: traceTier,
})

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Create a project or experiment',
  querystring: z.object({ upsert: flag.default(false) }),
  body,
}

/** Answers 409 when the name is taken: the SDKs then try another one (contracts/langsmith.md 1.4). */
export function postSessions(app: App, { db, clock }: Services): void {
  app.post('/sessions', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const id = given.id ?? randomUUID()
    const datasetId = given.reference_dataset_id ?? null
    if (datasetId !== null && (await datasetFind(db, tenantId, datasetId)) === null) {
      throw notFound('Dataset')
    }
    const session = await experimentInsert(
      db,
      {
        tenantId,
        id,
        datasetId,
        name: given.name ?? `project-${id}`,
        description: given.description ?? null,
        ...splitExtra(sliceMembers(request.bodyText).get('extra')),
        traceTier: given.trace_tier ?? null,
        defaultDatasetId: given.default_dataset_id ?? null,
        startTime: given.start_time ?? null,
        endTime: given.end_time ?? null,
        now: clock.now(),
      },
      request.query.upsert,
    )
    if (session === null) throw new LangsmithError(409, 'Session already exists.')
    return sessionFromRow(tenantId, session)
  })
}
