import { z } from 'zod'
import { exampleFind } from '../../../store/read/datasets/examples.ts'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Delete an example from the latest version on',
  params: z.object({ id: uuid }),
}

export function deleteExamplesId(app: App, { db, clock }: Services): void {
  app.delete('/examples/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const current = await exampleFind(db, tenantId, id, null)
    if (current === null || current.archived) throw notFound('Example')
    await exampleDeleteMany(db, { tenantId, ids: [id], now: clock.now() })
    return { message: 'Example deleted' }
  })
}
