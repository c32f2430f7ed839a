import type { JsonText } from '../../../domain/entities.ts'
import type { Example } from '../../../store/read/datasets/example.ts'

/** A message as OpenAI's API takes it. */
export interface OpenaiMessage {
  role: string
  content: unknown
  [field: string]: unknown
}

/** What went into a model and what should come out of it. */
export interface OpenaiConversation {
  inputs: OpenaiMessage[]
  outputs: OpenaiMessage[]
  tools?: unknown[]
  functions?: unknown[]
}

/**
 * Reads an example of any shape as a conversation. Messages are found under `messages`, `input`, `output`, `message` or
 * the only key, in OpenAI's form or in any of LangChain's. A string becomes one message, of the user in the inputs and
 * of the assistant in the outputs. Anything else becomes such a message with its JSON as content.
 */
export function messagesOf({
  inputs,
  outputs,
}: Pick<Example, 'inputs' | 'outputs'>): OpenaiConversation {
  const given = inputs === null ? {} : (JSON.parse(inputs) as unknown)
  const lists = isObject(given)
    ? {
        ...(Array.isArray(given.tools) ? { tools: given.tools as unknown[] } : {}),
        ...(Array.isArray(given.functions) ? { functions: given.functions as unknown[] } : {}),
      }
    : {}
  return {
    inputs: inputs === null ? [] : sideOf(inputs, 'user', ['messages', 'input']),
    outputs:
      outputs === null ? [] : sideOf(outputs, 'assistant', ['messages', 'output', 'message']),
    ...lists,
  }
}

/** The content as plain text. The texts of OpenAI's content parts are joined. */
export function textOfMessage({ content }: OpenaiMessage): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return content === null ? '' : JSON.stringify(content)
  return content
    .map((part: unknown) => (isObject(part) && typeof part.text === 'string' ? part.text : ''))
    .join('')
}

/** @param role of the message, when the value does not name one */
function sideOf(text: JsonText, role: string, keys: string[]): OpenaiMessage[] {
  const value: unknown = JSON.parse(text)
  const candidates = isObject(value) ? candidatesOf(value, keys) : [value]
  for (const candidate of [value, ...candidates]) {
    const messages = readMessages(candidate)
    if (messages !== null) return messages
  }
  const said = candidates.find((candidate) => typeof candidate === 'string')
  return [{ role, content: said ?? text }]
}

function candidatesOf(value: Record<string, unknown>, keys: string[]): unknown[] {
  const named = keys.filter((key) => Object.hasOwn(value, key)).map((key) => value[key])
  const members = Object.values(value)
  return members.length === 1 ? [...named, members[0]] : named
}

/** @returns null when the value is neither a message nor a list of them */
function readMessages(value: unknown): OpenaiMessage[] | null {
  if (!Array.isArray(value)) {
    const message = readMessage(value)
    return message === null ? null : [message]
  }
  // LangChain traces a chat model's inputs as a list of conversations.
  const list: unknown[] =
    value.length === 1 && Array.isArray(value[0]) ? (value[0] as unknown[]) : value
  const messages = list.map(readMessage).filter((message) => message !== null)
  return messages.length === list.length && list.length > 0 ? messages : null
}

const roles: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  ai: 'assistant',
  assistant: 'assistant',
  system: 'system',
  developer: 'developer',
  tool: 'tool',
  function: 'function',
}

/** `{role, content}`, or LangChain's `{type, content}`, `{type, data}` and serialised constructor. */
function readMessage(value: unknown): OpenaiMessage | null {
  if (!isObject(value)) return null
  if (typeof value.role === 'string') {
    return hasContent(value) ? messageFrom(roles[value.role] ?? value.role, value) : null
  }
  if (value.type === 'constructor' && Array.isArray(value.id) && isObject(value.kwargs)) {
    const role =
      roles[
        String(value.id.at(-1))
          .replace(/Message(?:Chunk)?$/, '')
          .toLowerCase()
      ]
    return role === undefined ? null : messageFrom(role, value.kwargs)
  }
  const data = isObject(value.data) ? value.data : value
  if (typeof value.type !== 'string' || !hasContent(data)) return null
  const role = value.type === 'chat' ? data.role : roles[value.type]
  return typeof role === 'string' ? messageFrom(role, data) : null
}

function hasContent(value: Record<string, unknown>): boolean {
  return ['content', 'tool_calls', 'function_call'].some((key) => Object.hasOwn(value, key))
}

const optionalFields = ['name', 'tool_call_id', 'tool_calls', 'function_call']

function messageFrom(role: string, data: Record<string, unknown>): OpenaiMessage {
  const more = isObject(data.additional_kwargs) ? data.additional_kwargs : {}
  const message: OpenaiMessage = { role, content: data.content ?? null }
  for (const field of optionalFields) {
    // LangChain's own `tool_calls` have another shape; OpenAI's are in `additional_kwargs`.
    const value = more[field] ?? data[field]
    if (value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)) {
      message[field] = value
    }
  }
  return message
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
