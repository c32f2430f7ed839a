import type { Json } from '../api/answers.ts'
import { jsonText } from './json-text.ts'

const longest = 240

/** Under these keys, inputs usually hold what a person would call the question. */
const usual = ['question', 'input', 'query', 'prompt', 'text', 'messages', 'content']

/** One line that tells an input from others. */
export function preview(value: Json): string {
  const text = textOf(value, 0)
  const line = text
    .slice(0, 4 * longest)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > longest ? `${line.slice(0, longest)}…` : line
}

function textOf(value: Json, depth: number): string {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object' || depth > 4) return jsonText(value)
  if (Array.isArray(value)) {
    // Of a conversation, the last message is the question.
    const last = value.at(-1)
    return last !== null && typeof last === 'object' && !Array.isArray(last) && 'content' in last
      ? textOf(last['content'] ?? null, depth + 1)
      : jsonText(value)
  }
  const keys = Object.keys(value)
  const key = keys.length === 1 ? keys[0] : usual.find((each) => each in value)
  if (key === undefined) return keys.length === 0 ? '(empty)' : jsonText(value)
  return textOf(value[key] ?? null, depth + 1)
}
