import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { FeedbackConfigRow } from '../../../store/read/feedback/feedback-configs.ts'
import { feedbackConfigInsertMany } from '../../../store/write/feedback-configs.ts'
import { raw, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { isAllowed, type Principal } from '../../auth.ts'
import type { Services } from '../../services.ts'
import { joinMembers } from '../object-text.ts'
import { readValues } from '../payload-values.ts'
import { text } from '../schemas.ts'

/** `key` of feedback: what it judges, such as `correctness`. Configs belong to a key. */
export const feedbackKey = text.pipe(z.string().min(1).max(180))

const feedbackTypes = ['continuous', 'categorical', 'freeform'] as const

/** FeedbackConfig (contracts/langsmith.md 2.7.5): the scores that a key allows. */
export const feedbackConfig = z
  .object({
    type: z.enum(feedbackTypes),
    min: z.number().nullish(),
    max: z.number().nullish(),
    categories: z
      .array(z.object({ value: z.number(), label: text.pipe(z.string().min(1)).nullish() }))
      .nullish(),
    allows_multiple_categories: z
      .boolean()
      .nullish()
      .describe('A reviewer may give several pieces of feedback, one for each category'),
  })
  .refine(({ min, max }) => typeof min !== 'number' || typeof max !== 'number' || min <= max, {
    path: ['min'],
    message: 'min should not be greater than max',
  })
  .refine(({ type, allows_multiple_categories: many }) => type === 'categorical' || !many, {
    path: ['allows_multiple_categories'],
    message: 'Only a categorical config allows multiple categories',
  })

/**
 * The text that is stored. Keys are written in one order, and what is not said in one way, so equal configs give equal
 * texts.
 */
export function feedbackConfigText(config: z.output<typeof feedbackConfig>): JsonText {
  const { type, min = null, max = null, categories = null } = config
  const isMultiple = config.allows_multiple_categories === true
  return JSON.stringify({
    type,
    min,
    max,
    categories: categories?.map(({ value, label = null }) => ({ value, label })) ?? null,
    // Absent in texts that were stored before there was such a key.
    ...(isMultiple ? { allows_multiple_categories: true } : {}),
  })
}

/** FeedbackConfigSchema. */
export const feedbackConfigAnswer = z.object({
  feedback_key: z.string(),
  feedback_config: raw(
    z.object({
      type: z.enum(feedbackTypes),
      min: z.number().nullable(),
      max: z.number().nullable(),
      categories: z.array(z.object({ value: z.number(), label: z.string().nullable() })).nullable(),
      allows_multiple_categories: z.boolean(),
    }),
  ),
  tenant_id: uuidAnswer,
  modified_at: timeAnswer,
  is_lower_score_better: z.boolean(),
  is_enforced: z.boolean(),
})

export function feedbackConfigFromRow(
  tenantId: string,
  row: FeedbackConfigRow,
): z.output<typeof feedbackConfigAnswer> {
  return {
    feedback_key: row.key,
    feedback_config: new RawJson(
      joinMembers(new Map([['allows_multiple_categories', 'false'], ...sliceMembers(row.config)])),
    ),
    tenant_id: tenantId,
    modified_at: row.updatedAt,
    is_lower_score_better: row.isLowerScoreBetter,
    is_enforced: row.isEnforced,
  }
}

/** A config that came with feedback. */
export interface GivenFeedbackConfig {
  key: string
  config: JsonText
}

const spellings = z.object({
  feedback_config: feedbackConfig.nullish(),
  // JavaScript's client spells it so (contracts/langsmith.md 2.7.2).
  feedbackConfig: feedbackConfig.nullish(),
})

/**
 * Reads the config that feedback brings for its key.
 * @param fields the JSON text of each field
 * @returns one config or none
 * @throws LangsmithError 422
 */
export function readFeedbackConfig(
  key: string | null | undefined,
  fields: ReadonlyMap<string, JsonText>,
  loc: (string | number)[],
): GivenFeedbackConfig[] {
  const values = readValues(spellings, [], fields, loc)
  const config = values.feedback_config ?? values.feedbackConfig
  if (!config || !key) return []
  return [{ key, config: feedbackConfigText(config) }]
}

/**
 * Stores configs of feedback keys that have none yet; the first one of a key stays (contracts/langsmith.md 2.7.5).
 * Configs are ignored when the API key may only send scores.
 */
export async function keepFeedbackConfigs(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  principal: Principal,
  given: readonly GivenFeedbackConfig[],
): Promise<void> {
  if (!isAllowed(principal, 'write')) return
  const configs = given.map((config) => ({
    ...config,
    isLowerScoreBetter: false,
    isEnforced: false,
  }))
  await feedbackConfigInsertMany(db, principal.tenantId, configs, clock.now())
}
