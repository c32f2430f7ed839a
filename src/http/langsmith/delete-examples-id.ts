import { z } from 'zod'
import { exampleDeleteMany } from '../../store/write/examples.ts'
import type { App, HttpParts } from '../parts.ts'
import { notFound } from './errors.ts'
import { uuid } from './schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Delete an example from the latest version on',
  params: z.object({ id: uuid }),
}

export function deleteExamplesId(app: App, { db, clock }: HttpParts): void {
  app.delete('/examples/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const ids = [request.params.id]
    const deleted = await exampleDeleteMany(db, { tenantId, ids, now: clock.now() })
    if (deleted.length === 0) throw notFound('Example')
    return { message: 'Example deleted' }
  })
}
