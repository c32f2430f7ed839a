import type { Export, RefusedSpan } from './decode.ts'

/** How many scopes an answer names. The rest are only counted. */
const maxScopes = 10
/** The longest name of a scope that an answer repeats. */
const maxNameLength = 100

/**
 * Says how many spans of an export were refused, for which field, and which instrumentations made them, so that
 * whoever wrote an exporter can mend it from the answer alone.
 */
export function refusalOf({ spans, refused }: Export): string {
  const counts = new Map<string, number>()
  for (const span of refused) {
    const reason = reasonOf(span)
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const reasons = [...counts].map(([reason, count]) => `${count} × ${reason}`)
  const total = spans.length + refused.length
  return (
    `${refused.length} of ${total} span(s) cannot be processed (${reasons.join(', ')}). ` +
    `Instrumentation scopes: ${namesOf(refused)}.`
  )
}

function reasonOf({ field, isAbsent }: RefusedSpan): string {
  return isAbsent ? `no valid ${field}: absent` : `no valid ${field}: not an id`
}

function namesOf(refused: readonly RefusedSpan[]): string {
  const names = [...new Set(refused.map(({ scope }) => scope))].map((name) =>
    name === '' ? 'unknown' : name.slice(0, maxNameLength),
  )
  const unnamed = names.length - maxScopes
  return [...names.slice(0, maxScopes), ...(unnamed > 0 ? [`${unnamed} more`] : [])].join(', ')
}
