import { holdsJson } from '../../domain/embedded-json.ts'
import type { JsonText } from '../../domain/entities.ts'
import { sliceElements, sliceMembers } from '../../domain/json.ts'
import type { Attributes, AttributeValue } from './decode.ts'

/* The shapes in which frameworks write the messages of a model (contracts/langfuse.md 2.8.2). */

type Message = { [key: string]: AttributeValue }

const eventName = 'event.name'
const choiceName = 'gen_ai.choice'

/** Returns the events of a list that are messages, without the choices of the model; null when it is no such list. */
export function messagesOf(json: unknown): AttributeValue {
  const messages = eventsOf(json)?.filter((event) => event[eventName] !== choiceName) ?? []
  return messages.length === 0 ? null : messages.map(messageOf)
}

/** Returns the choice of the model in a list of events, or a list where it made several; null when there is none. */
export function choiceOf(json: unknown): AttributeValue {
  const choices = eventsOf(json)?.filter((event) => event[eventName] === choiceName) ?? []
  if (choices.length === 0) return null
  const messages = choices.map(messageOf)
  return messages.length === 1 ? messages[0]! : messages
}

/**
 * Reads the attributes of an event that is a message. Attributes hold no objects, so a message and lists of parts are
 * JSON in a string.
 */
export function messageOfEvent(attributes: Attributes): Message {
  const members = [...attributes].map(([key, value]): [string, AttributeValue] => {
    const start = key === 'message' ? /^\s*[[{]/ : /^\s*\[\s*\{/
    if (typeof value !== 'string' || !start.test(value) || !holdsJson(value)) return [key, value]
    const text = textOfParts(value.trim())
    return [key, JSON.parse(text ?? value) as AttributeValue]
  })
  return Object.fromEntries(members)
}

/** True for a list of messages each of which has an empty list of parts. */
export function hasNoPart(json: unknown): boolean {
  return (
    Array.isArray(json) &&
    json.every(
      (message) => isMessage(message) && Array.isArray(message.parts) && message.parts.length === 0,
    )
  )
}

function eventsOf(json: unknown): Message[] | null {
  if (!Array.isArray(json) || !json.every(isMessage)) return null
  return json.some((event) => typeof event[eventName] === 'string') ? json : null
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The name of an event is shown as the role that it contains, or not at all. */
function messageOf({ [eventName]: name, ...message }: Message): Message {
  const role = /^gen_ai\.(.+)\.message$/.exec(typeof name === 'string' ? name : '')?.[1]
  return role === undefined || 'role' in message ? message : { role, ...message }
}

/** A longer text is shown as it was sent. */
const tidyLimit = 1_000_000

/**
 * Writes messages plainly: a list of parts that are all text becomes the text. Everything else stays as it was sent.
 * @param text a message, a list of messages, or anything else
 */
export function tidyMessages(text: JsonText): JsonText {
  if (text.length > tidyLimit || !/"(?:contents?|parts|message)"/.test(text)) return text
  if (text.startsWith('[')) return `[${sliceElements(text).map(tidyMessage).join(',')}]`
  return tidyMessage(text)
}

function tidyMessage(text: JsonText): JsonText {
  if (!text.startsWith('{')) return text
  const members = sliceMembers(text)
  const isOfModel = ['role', 'finish_reason', 'index'].some((key) => members.has(key))
  let isChanged = false
  const tidied = [...members].map(([key, member]): string => {
    const [newKey, value] = isOfModel
      ? tidyMember(key, member, members)
      : [key, key === 'message' ? tidyMessage(member) : member]
    isChanged ||= value !== member
    return `${JSON.stringify(newKey)}:${value}`
  })
  return isChanged ? `{${tidied.join(',')}}` : text
}

function tidyMember(
  key: string,
  member: JsonText,
  members: ReadonlyMap<string, JsonText>,
): [key: string, value: JsonText] {
  switch (key) {
    case 'message':
      return [key, textOfParts(member) ?? tidyMessage(member)]
    case 'content':
      return [key, textOfParts(embedded(member)) ?? member]
    case 'parts':
    case 'contents': {
      const value = members.has('content') ? null : textOfParts(member)
      return value === null ? [key, member] : ['content', value]
    }
    default:
      return [key, member]
  }
}

/** Returns the list of objects that a string holds, or else the value itself. */
function embedded(member: JsonText): JsonText {
  if (!/^"\s*\[\s*\{/.test(member)) return member
  const plain = JSON.parse(member) as string
  return holdsJson(plain) ? plain.trim() : member
}

/** Returns the text of a list of parts, as JSON; null when it is no such list, or a part is no text. */
export function textOfParts(list: JsonText): JsonText | null {
  if (!list.startsWith('[')) return null
  const texts = sliceElements(list).map(textOfPart)
  return texts.length === 0 || texts.includes(null) ? null : JSON.stringify(texts.join('\n'))
}

/** A part of text is `{"text": …}` or `{"type": "text", "content": …}`, and says nothing else. */
function textOfPart(part: JsonText): string | null {
  if (!part.startsWith('{')) return null
  const { message_content: nested, ...rest } = Object.fromEntries(sliceMembers(part))
  if (nested !== undefined) return Object.keys(rest).length === 0 ? textOfPart(nested) : null
  const { type, kind, text, content, ...others } = rest
  const value = text ?? ((type ?? kind) ? content : undefined)
  const isText = /^"(?:text|input_text|output_text)"$/.test(type ?? kind ?? '"text"')
  if (!isText || value?.startsWith('"') !== true || Object.keys(others).length > 0) return null
  return JSON.parse(value) as string
}
