import { z } from 'zod'
import { exampleEraseMany } from '../../../store/write/example-erasures.ts'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Delete examples; with hard_delete their content leaves every version, for good',
  body: z.object({
    example_ids: z.array(uuid).min(1).max(1000),
    hard_delete: z.boolean().default(false),
  }),
}

/** All or none when it is for good. @throws 404 when one of them never existed */
export function postPlatformDatasetsExamplesDelete(app: App, { db, clock }: Services): void {
  const options = { schema, config: { errorShape: 'error' as const } }
  app.post('/platform/datasets/examples/delete', options, async (request) => {
    const { tenantId } = request.principal
    const ids = [...new Set(request.body.example_ids)]
    const asked = { tenantId, ids, now: clock.now() }
    const deleted = request.body.hard_delete
      ? await exampleEraseMany(db, asked)
      : await exampleDeleteMany(db, asked)
    if (deleted === null) throw notFound('Example')
    return { count: deleted.length, example_ids: deleted }
  })
}
