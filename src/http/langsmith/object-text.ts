import type { JsonText } from '../../domain/entities.ts'

/** LangSmith's clients read objects only: any other value, which other dialects allow, stands under one key. */
export function objectText(text: JsonText, key: string): JsonText {
  return text.trimStart().startsWith('{') ? text : `{${JSON.stringify(key)}:${text}}`
}

/** An object of these members, each as raw text. */
export function joinMembers(members: ReadonlyMap<string, JsonText>): JsonText {
  return `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}

/** The text of a member; JSON's null is none. */
export function textOf(member: JsonText | undefined): JsonText | null {
  return member === undefined || member === 'null' ? null : member
}
