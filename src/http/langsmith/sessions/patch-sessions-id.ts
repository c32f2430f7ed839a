import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { experimentUpdate } from '../../../store/write/experiments.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { sessionExtra, sessionName, traceTier } from './post-sessions.ts'
import { text, time, uuid } from '../schemas.ts'
import { sessionFromRow, splitExtra } from './session-from-row.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Change a project or experiment; null leaves, extra is replaced as a whole',
  params: z.object({ id: uuid }),
  body: z.object({
    name: sessionName.nullish(),
    description: text.nullish(),
    start_time: time.nullish(),
    end_time: time.nullish(),
    extra: sessionExtra,
    default_dataset_id: uuid.nullish(),
    trace_tier: traceTier,
  }),
}

export function patchSessionsId(app: App, { db, clock }: Services): void {
  app.patch('/sessions/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.body
    const session = await experimentUpdate(db, {
      tenantId,
      id: request.params.id,
      name: given.name ?? null,
      description: given.description ?? null,
      ...splitExtra(sliceMembers(request.bodyText).get('extra')),
      traceTier: given.trace_tier ?? null,
      defaultDatasetId: given.default_dataset_id ?? null,
      startTime: given.start_time ?? null,
      endTime: given.end_time ?? null,
      now: clock.now(),
    })
    if (session === null) throw notFound('Session')
    if (session === 'conflict') throw new LangsmithError(409, 'Session already exists.')
    return sessionFromRow(tenantId, session)
  })
}
