import { z } from 'zod'
import { exampleFind } from '../../../store/read/datasets/example.ts'
import { exampleEraseMany } from '../../../store/write/example-erasures.ts'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { writtenAnswer } from './example-answer.ts'
import { listOf, uuid } from '../schemas.ts'

const tags = ['langsmith examples']

const oneSchema = {
  tags,
  summary: 'Delete an example from the latest version on',
  params: z.object({ id: uuid }),
  response: { 200: messageAnswer },
}

const manySchema = {
  tags,
  summary: 'Delete several examples from the latest version on; unknown ids are ignored',
  querystring: z.object({ example_ids: listOf(uuid, { min: 1 }) }),
  response: { 200: messageAnswer },
}

const platformSchema = {
  tags,
  summary: 'Delete examples; with hard_delete their content leaves every version, for good',
  body: z.object({
    example_ids: z.array(uuid).min(1).max(1000),
    hard_delete: z.boolean().default(false),
  }),
  response: { 200: writtenAnswer.omit({ as_of: true }) },
}

export function deleteExamples(app: App, { db, clock }: Services): void {
  app.delete('/examples/:id', { schema: oneSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const current = await exampleFind(db, tenantId, id, null)
    if (current === null || current.archived) throw notFound('Example')
    await exampleDeleteMany(db, { tenantId, ids: [id], now: clock.now() })
    return { message: 'Example deleted' }
  })

  app.delete('/examples', { schema: manySchema }, async (request) => {
    const { tenantId } = request.principal
    const ids = request.query.example_ids
    const deleted = await exampleDeleteMany(db, { tenantId, ids, now: clock.now() })
    return { message: `${deleted.length} examples deleted` }
  })

  // A hard delete is all or none: 404 when one of the examples never existed.
  app.post(
    '/platform/datasets/examples/delete',
    { schema: platformSchema, config: { errorShape: 'error' } },
    async (request) => {
      const { tenantId } = request.principal
      const ids = [...new Set(request.body.example_ids)]
      const asked = { tenantId, ids, now: clock.now() }
      const deleted = request.body.hard_delete
        ? await exampleEraseMany(db, asked)
        : await exampleDeleteMany(db, asked)
      if (deleted === null) throw notFound('Example')
      return { count: deleted.length, example_ids: deleted }
    },
  )
}
