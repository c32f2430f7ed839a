import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { ScoreConfigRow } from '../../../store/read/feedback/score-configs.ts'
import type { ScoreConfigContent } from '../../../store/write/score-configs.ts'
import type { LangfuseError } from '../errors.ts'
import { shownTime, text } from '../requests.ts'

export const configName = text.pipe(
  z
    .string()
    .min(1)
    .max(35)
    .regex(
      /^[\p{L}\p{N}_ .()-]+$/u,
      'Only letters, numbers, underscores, spaces, periods, parentheses and hyphens are allowed',
    ),
)

export const categories = z.array(
  z.object({ label: text.pipe(z.string().min(1)), value: z.number() }),
)

export const configDataTypes = ['NUMERIC', 'CATEGORICAL', 'BOOLEAN', 'TEXT'] as const

export const scoreConfigAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    dataType: z.enum(configDataTypes),
    isArchived: z.boolean(),
    description: z.string().nullable(),
    minValue: z.number().nullable(),
    maxValue: z.number().nullable(),
    categories: z.array(z.object({ label: z.string(), value: z.number() })).nullable(),
    projectId: z.string(),
    createdAt: shownTime,
    updatedAt: shownTime,
  })
  .meta({ id: 'LangfuseScoreConfig' })

/** ScoreConfig (contracts/langfuse.md 2.6.4). */
export function scoreConfigFromRow(
  tenantId: string,
  row: ScoreConfigRow,
): z.output<typeof scoreConfigAnswer> {
  return {
    id: row.externalId ?? row.id,
    name: row.name,
    dataType: row.dataType,
    isArchived: row.isArchived,
    description: row.description,
    minValue: row.minValue,
    maxValue: row.maxValue,
    categories: row.categories.length === 0 ? null : row.categories,
    projectId: tenantId,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt),
  }
}

const booleanCategories = [
  { label: 'True', value: 1 },
  { label: 'False', value: 0 },
]

/**
 * Checks the fields of a config against each other, and fills in the categories of a BOOLEAN.
 * @param refuse makes the error from the field that breaks a rule, and the rule
 * @throws LangfuseError 400
 */
export function checkedConfig(
  content: ScoreConfigContent,
  refuse: (path: string[], rule: string) => LangfuseError,
): ScoreConfigContent {
  const { dataType, minValue, maxValue } = content
  const given = content.categories
  if (dataType !== 'NUMERIC' && (minValue !== null || maxValue !== null)) {
    const bound = minValue === null ? 'maxValue' : 'minValue'
    throw refuse([bound], 'minValue and maxValue are for NUMERIC configs')
  }
  if (minValue !== null && maxValue !== null && maxValue <= minValue) {
    throw refuse([], 'Maximum value must be greater than Minimum value')
  }
  if (dataType === 'BOOLEAN') {
    if (given.length > 0 && JSON.stringify(given) !== JSON.stringify(booleanCategories)) {
      throw refuse(['categories'], 'Categories of a BOOLEAN config are True and False')
    }
    return { ...content, categories: booleanCategories }
  }
  if (dataType !== 'CATEGORICAL') {
    if (given.length > 0) throw refuse(['categories'], 'Categories are for CATEGORICAL configs')
    return content
  }
  if (given.length === 0) throw refuse(['categories'], 'A CATEGORICAL config needs categories')
  for (const key of ['label', 'value'] as const) {
    const all = given.map((category) => category[key])
    const twice = all.find((one, i) => all.indexOf(one) < i)
    if (twice === undefined) continue
    const rule = `Duplicate category ${key}: ${twice}, category ${key}s must be unique`
    throw refuse(['categories'], rule)
  }
  return content
}
