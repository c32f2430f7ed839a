import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { scoreConfigListAmong } from '../../../store/read/feedback/score-configs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { scoreConfigFromRow } from './score-config.ts'

/** One config. */
export function getScoreConfigsId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ configId: z.string() }),
    tags: ['langfuse score configs'],
    summary: 'Get a score config',
  }
  app.get('/score-configs/:configId', { schema }, async ({ principal: { tenantId }, params }) => {
    const id = params.configId.toLowerCase()
    const row = (await scoreConfigListAmong(db, tenantId, isUuid(id) ? [id] : [])).get(id)
    if (row === undefined) throw notFound('Score config not found within authorized project')
    return scoreConfigFromRow(tenantId, row)
  })
}
