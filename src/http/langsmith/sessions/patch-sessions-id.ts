import { z } from 'zod'
import { experimentUpdate } from '../../../store/write/experiments.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'
import { sessionFields, sessionName, sessionValues } from './post-sessions.ts'
import { plainSessionAnswer } from './session-answer.ts'
import { sessionFromRow } from './session-from-row.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Change a project or experiment; null leaves, extra is replaced as a whole',
  params: z.object({ id: uuid }),
  body: sessionFields.extend({ name: sessionName.nullish() }),
  response: { 200: plainSessionAnswer },
}

export function patchSessionsId(app: App, { db, clock, experimentIds }: Services): void {
  app.patch('/sessions/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const session = await experimentUpdate(db, {
      tenantId,
      id: request.params.id,
      name: given.name ?? null,
      ...sessionValues(given, request.bodyText),
      now: clock.now(),
    })
    if (session === null) throw notFound('Session')
    if (session === 'conflict') throw new LangsmithError(409, 'Session already exists.')
    if (given.name) await experimentIds.untilForgotten()
    return sessionFromRow(tenantId, session)
  })
}
