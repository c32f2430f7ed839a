import type { Json } from '../../api/answers.ts'
import { jsonText } from '../json-text.ts'

interface Message {
  role: string
  content: string
  calls: readonly { name: string; arguments: string }[]
}

type JsonObject = { [key: string]: Json }

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads a conversation: a list of messages as OpenAI, Anthropic and LangChain write them, or one message, alone or under
 * the only key of an object that holds such a list.
 * @returns null for anything else
 */
export function messagesOf(value: Json): Message[] | null {
  if (Array.isArray(value)) {
    // LangChain's batches of conversations.
    if (value.length === 1 && Array.isArray(value[0])) return messagesOf(value[0])
    const messages = value.map(messageOf)
    return messages.length > 0 && messages.every((each) => each !== null) ? messages : null
  }
  if (!isObject(value)) return null
  const single = messageOf(value)
  if (single !== null) return [single]
  const list =
    value['messages'] ?? (Object.keys(value).length === 1 ? Object.values(value)[0] : undefined)
  return Array.isArray(list) ? messagesOf(list) : isObject(list) ? messagesOf([list]) : null
}

const roles: Record<string, string> = { human: 'user', ai: 'assistant' }

function messageOf(value: Json): Message | null {
  if (!isObject(value)) return null
  const inner = [value['kwargs'], value['data']].find(isObject) ?? value
  const role = value['role'] ?? inner['role'] ?? inner['type'] ?? value['type']
  if (typeof role !== 'string' || !('content' in inner || 'tool_calls' in inner)) return null
  const calls = Array.isArray(inner['tool_calls']) ? inner['tool_calls'] : []
  return {
    role: roles[role] ?? role,
    content: contentOf(inner['content'] ?? null),
    calls: calls.filter(isObject).map((call) => {
      const made = isObject(call['function']) ? call['function'] : call
      const given = made['arguments'] ?? made['args'] ?? null
      return {
        name: typeof made['name'] === 'string' ? made['name'] : 'tool',
        arguments: typeof given === 'string' ? given : jsonText(given, 2),
      }
    }),
  }
}

function contentOf(content: Json): string {
  if (content === null) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return jsonText(content, 2)
  return content
    .map((part) => {
      if (typeof part === 'string') return part
      if (isObject(part) && typeof part['text'] === 'string') return part['text']
      return jsonText(part, 2)
    })
    .join('\n')
}

/** Messages below each other, with who wrote each. */
export function Chat({ messages }: { messages: readonly Message[] }) {
  return (
    <ol class="chat">
      {messages.map(({ role, content, calls }, index) => (
        <li key={index} class={`message message-${role === 'user' ? 'user' : 'other'}`}>
          <span class="message-role">{role}</span>
          {content !== '' && <pre class="text">{content}</pre>}
          {calls.map((call, at) => (
            <div class="call" key={at}>
              <code>{call.name}</code>
              <pre class="text">{call.arguments}</pre>
            </div>
          ))}
        </li>
      ))}
    </ol>
  )
}
