import { z } from 'zod'
import type { EventOf } from '../../../domain/events.ts'
import { feedbackConfigListEnforced } from '../../../store/read/feedback/feedback-configs.ts'
import { classifyError } from '../../classify-error.ts'
import type { Services } from '../../services.ts'
import { feedbackConfig } from './feedback-config.ts'

/** Says how feedback of a key breaks the rules of that key; null when it keeps them. */
export type FeedbackRules = (
  key: string | null | undefined,
  opinion: Pick<EventOf<'feedback'>['patch'], 'scoreNumber' | 'valueText'>,
) => string | null

const configText = z
  .string()
  .transform((text) => JSON.parse(text) as unknown)
  .pipe(feedbackConfig)

/**
 * Reads the enforced configs of these keys, whose rules hold for everybody's feedback (contracts/langsmith.md 2.7.5).
 * While Postgres answers nobody there are no rules: feedback is kept rather than refused.
 */
export async function readFeedbackRules(
  { db }: Pick<Services, 'db'>,
  tenantId: string,
  keys: readonly (string | null | undefined)[],
): Promise<FeedbackRules> {
  const asked = [...new Set(keys.filter((key) => typeof key === 'string'))]
  const rows =
    asked.length === 0
      ? []
      : await feedbackConfigListEnforced(db, tenantId, asked).catch(noneIfAway)
  const byKey = new Map(rows.map((row) => [row.key, configText.parse(row.config)]))
  return (key, opinion) => {
    const config = byKey.get(key ?? '')
    return config === undefined ? null : problemOf(config, opinion)
  }
}

function noneIfAway(error: unknown): [] {
  if (classifyError(error).kind === 'unavailable') return []
  throw error
}

function problemOf(
  { type, min, max, categories }: z.output<typeof feedbackConfig>,
  { scoreNumber: score, valueText: label }: Parameters<FeedbackRules>[1],
): string | null {
  if (typeof score === 'number') {
    if (type === 'continuous' && score < (min ?? -Infinity)) {
      return `score should be at least ${min}, by the enforced config of its key`
    }
    if (type === 'continuous' && score > (max ?? Infinity)) {
      return `score should be at most ${max}, by the enforced config of its key`
    }
  }
  if (type !== 'categorical' || !categories) return null
  const values = categories.map((category) => category.value)
  if (typeof score === 'number' && !values.includes(score)) {
    return `score should be one of ${values.join(', ')}, by the enforced config of its key`
  }
  const labels = categories.map((category) => category.label ?? String(category.value))
  if (typeof label === 'string' && !labels.includes(label)) {
    return `value should be one of ${labels.join(', ')}, by the enforced config of its key`
  }
  return null
}
