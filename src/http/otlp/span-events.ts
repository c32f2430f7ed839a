import type { AttributeValue, SpanEvent } from './decode.ts'
import { messageOfEvent } from './messages.ts'

/** Returns the role in the name of an event, `''` where the pattern has none; null when the name does not match. */
export function roleOf(name: string, pattern: string): string | null {
  const star = pattern.indexOf('*')
  if (star === -1) return name === pattern ? '' : null
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
  if (name.length < pattern.length || !name.startsWith(before) || !name.endsWith(after)) return null
  return name.slice(before.length, -after.length)
}

/**
 * Reads what the events whose names match a pattern say: an attribute of the first that has it, or all of them as messages.
 */
export function valueOfEvents(
  all: readonly SpanEvent[],
  pattern: string,
  [attribute]: readonly string[],
): AttributeValue {
  const events = all.filter(({ name }) => roleOf(name, pattern) !== null)
  if (events.length === 0) return null
  if (attribute !== undefined) {
    return (
      events.find((event) => event.attributes.has(attribute))?.attributes.get(attribute) ?? null
    )
  }
  const messages = events.map(({ name, attributes }): AttributeValue => {
    const role = roleOf(name, pattern)
    return { ...(role === '' ? {} : { role }), ...messageOfEvent(attributes) }
  })
  return messages.length === 1 && !pattern.includes('*') ? messages[0]! : messages
}
