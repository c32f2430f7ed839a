import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { experimentInsert } from '../../../store/write/experiments.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { flag, jsonObject, text, time, uuid } from '../schemas.ts'
import { plainSessionAnswer } from './session-answer.ts'
import { sessionFromRow, splitExtra } from './session-from-row.ts'

/** The vendor's limit (contracts/langsmith.md 2.5.2). */
export const sessionName = z.string().min(1).max(128).pipe(text)

/** Fields that creates and updates share; `sessionValues` reads them. */
export const sessionFields = z.object({
  description: text.nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  extra: z.looseObject({ metadata: jsonObject.nullish() }).nullish(),
  default_dataset_id: uuid.nullish(),
  trace_tier: z.enum(['longlived', 'shortlived']).nullish(),
})

const body = sessionFields.extend({
  name: sessionName.optional().describe('Absent: one is made up'),
  id: uuid.nullish(),
  reference_dataset_id: uuid.nullish(),
})

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Create a project or experiment',
  querystring: z.object({ upsert: flag.default(false) }),
  body,
  response: { 200: plainSessionAnswer },
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
        ...sessionValues(given, request.bodyText),
        now: clock.now(),
      },
      request.query.upsert,
    )
    if (session === null) throw new LangsmithError(409, 'Session already exists.')
    return sessionFromRow(tenantId, session)
  })
}

/** @param bodyText the body as it was sent; `extra` is stored as its text */
export function sessionValues(given: z.output<typeof sessionFields>, bodyText: JsonText) {
  return {
    description: given.description ?? null,
    // Its metadata can be searched, so the schema takes only an object.
    ...splitExtra(sliceMembers(bodyText).get('extra')),
    traceTier: given.trace_tier ?? null,
    defaultDatasetId: given.default_dataset_id ?? null,
    startTime: given.start_time ?? null,
    endTime: given.end_time ?? null,
  }
}
