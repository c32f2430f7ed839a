import { sliceElements, sliceMembers } from '../../domain/json.ts'
import { RawJson } from '../../domain/raw-json.ts'

/**
 * One thing of an answer. What clients wrote is handed on as its text, so that every digit and the order of keys survive.
 */
export interface Item {
  readonly json: string
  /** The JSON of a member; null where it is absent or null. */
  raw(name: string): RawJson | null
  /** A member that is a string; null where it is anything else. */
  text(name: string): string | null
  /** A member, parsed; null where it is absent. */
  value(name: string): unknown
  /** The members of a member that is an object, as text. */
  members(name: string): Map<string, string>
  /** The elements of a member that is a list of objects. */
  items(name: string): Item[]
}

/** @param json an object */
export function itemOf(json: string): Item {
  const members = sliceMembers(json)
  const value = (name: string): unknown => JSON.parse(members.get(name) ?? 'null') as unknown
  return {
    json,
    raw: (name) => {
      const text = members.get(name) ?? 'null'
      return text === 'null' ? null : new RawJson(text)
    },
    text: (name) => {
      const found = members.get(name)?.startsWith('"') ? value(name) : null
      return typeof found === 'string' ? found : null
    },
    value,
    members: (name) => sliceMembers(members.get(name) ?? '{}'),
    items: (name) => itemsOf(members.get(name) ?? '[]'),
  }
}

/** @param json a list of objects */
export function itemsOf(json: string): Item[] {
  return sliceElements(json).map(itemOf)
}

/** A member that has to be there. @throws TypeError */
export function required(item: Item, name: string): string {
  const text = item.text(name)
  if (text === null) throw new TypeError(`The source answered something without ${name}`)
  return text
}

/** An object of members that are texts. */
export function joined(members: ReadonlyMap<string, string>): RawJson {
  const texts = [...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`)
  return new RawJson(`{${texts.join(',')}}`)
}

const mostInRequest = 100
/** In characters: a quarter of the least that a server takes. */
const mostLength = 4 * 1_048_576

/** Cuts a list into parts that fit into one request each. @param lengthOf the characters that one takes there */
export function partsOf<T>(list: readonly T[], lengthOf: (one: T) => number): T[][] {
  const parts: T[][] = []
  let room = 0
  for (const one of list) {
    const length = lengthOf(one)
    const last = parts.at(-1)
    if (last === undefined || length > room || last.length === mostInRequest) {
      parts.push([one])
      room = mostLength - length
    } else {
      last.push(one)
      room -= length
    }
  }
  return parts
}

/**
 * Does something with each, so many at a time. After a failure no more are begun, and it throws when the others have
 * ended.
 */
export async function eachOf<T>(
  list: readonly T[],
  atOnce: number,
  act: (one: T) => Promise<void>,
): Promise<void> {
  const rest = [...list]
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) {
      try {
        await act(one)
      } catch (error) {
        failures.push(error)
        rest.length = 0
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker))
  if (failures.length > 0) throw failures[0]
}
