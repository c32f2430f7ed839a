import type { JsonText } from '../../domain/entities.ts'

/**
 * LangSmith's clients expect an object. Any other value, which Langfuse's clients may store, becomes its only member.
 */
export function objectText(text: JsonText, key: string): JsonText {
  return text.trimStart().startsWith('{') ? text : `{${JSON.stringify(key)}:${text}}`
}

/** The JSON text of an object. @param members the JSON text of each member */
export function joinMembers(members: ReadonlyMap<string, JsonText>): JsonText {
  return `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}

/** The JSON text of a member; null when the member is absent or `null`. */
export function textOf(member: JsonText | undefined): JsonText | null {
  return member === undefined || member === 'null' ? null : member
}
