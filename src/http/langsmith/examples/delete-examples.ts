import { z } from 'zod'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { listOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Delete several examples from the latest version on; unknown ids are ignored',
  querystring: z.object({ example_ids: listOf(uuid, { min: 1 }) }),
}

export function deleteExamples(app: App, { db, clock }: Services): void {
  app.delete('/examples', { schema }, async (request) => {
    const { tenantId } = request.principal
    const ids = request.query.example_ids
    const deleted = await exampleDeleteMany(db, { tenantId, ids, now: clock.now() })
    return { message: `${deleted.length} examples deleted` }
  })
}
