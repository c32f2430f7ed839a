import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { scoreConfigUpdate } from '../../../store/write/score-configs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { text } from '../requests.ts'
import { categories, checkedConfig, configName, scoreConfigFromRow } from './score-config.ts'

const body = z.object({
  isArchived: z.boolean().nullish(),
  name: configName.nullish(),
  categories: categories.nullish(),
  minValue: z.number().nullish(),
  maxValue: z.number().nullish(),
  description: text.nullish(),
})

/**
 * Changes a config; its type stays. Absent keeps; null clears the description and the bounds, and keeps the rest. Scores
 * that were given before stay as they are.
 */
export function patchScoreConfigsId(app: App, { db, clock }: Services): void {
  const schema = {
    params: z.object({ configId: z.string() }),
    body,
    tags: ['langfuse score configs'],
    summary: 'Change a score config',
  }
  app.patch('/score-configs/:configId', { schema }, async (request) => {
    const { tenantId } = request.principal
    const id = request.params.configId.toLowerCase()
    const given = request.body
    const row = isUuid(id)
      ? await scoreConfigUpdate(
          db,
          tenantId,
          id,
          (held) =>
            checkedConfig({
              name: given.name ?? held.name,
              dataType: held.dataType,
              isArchived: given.isArchived ?? held.isArchived,
              description: given.description === undefined ? held.description : given.description,
              minValue: given.minValue === undefined ? held.minValue : given.minValue,
              maxValue: given.maxValue === undefined ? held.maxValue : given.maxValue,
              categories: given.categories ?? held.categories,
            }),
          clock.now(),
        )
      : null
    if (row === null) throw notFound('Score config not found within authorized project')
    return scoreConfigFromRow(tenantId, row)
  })
}
