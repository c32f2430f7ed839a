import { z } from 'zod'
import { scoreConfigInsert } from '../../../store/write/score-configs.ts'
import type { App, Services } from '../../services.ts'
import { text } from '../requests.ts'
import {
  categories,
  checkedConfig,
  configDataTypes,
  configName,
  scoreConfigFromRow,
} from './score-config.ts'

const body = z.object({
  name: configName,
  dataType: z.enum(configDataTypes),
  categories: categories.nullish(),
  minValue: z.number().nullish(),
  maxValue: z.number().nullish(),
  description: text.nullish(),
})

/** Makes a config. Names need not be unique (contracts/langfuse.md 2.6). */
export function postScoreConfigs(app: App, { db, clock }: Services): void {
  const schema = { body, tags: ['langfuse score configs'], summary: 'Make a score config' }
  app.post('/score-configs', { schema }, async ({ principal: { tenantId }, body: given }) => {
    const content = checkedConfig({
      name: given.name,
      dataType: given.dataType,
      isArchived: false,
      description: given.description ?? null,
      minValue: given.minValue ?? null,
      maxValue: given.maxValue ?? null,
      categories: given.categories ?? [],
    })
    const row = await scoreConfigInsert(db, tenantId, content, clock.now())
    return scoreConfigFromRow(tenantId, row)
  })
}
