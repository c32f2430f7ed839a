import { setTimeout as pause } from 'node:timers/promises'

export interface Target {
  url: string
  key: string
}

/** What the server answered, other than success. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Sends a request, and sends it again when the server asks for that. Every request of the demo may be repeated.
 * @throws Refused
 */
export async function send(
  { url, key }: Target,
  method: string,
  path: string,
  body?: FormData | object,
): Promise<unknown> {
  const isForm = body instanceof FormData
  for (;;) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (response.status === 429 || response.status === 503) {
      await pause(1000 * Number(response.headers.get('retry-after') ?? 1))
      continue
    }
    if (!response.ok) {
      throw new Refused(
        response.status,
        `${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`,
      )
    }
    return text === '' ? null : JSON.parse(text)
  }
}

/** Calls `use` for groups of at most `size`, several at a time. */
export async function inGroups<Item>(
  items: readonly Item[],
  { size, atOnce }: { size: number; atOnce: number },
  use: (group: Item[]) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const group = items.slice(next, next + size)
      next += size
      await use(group)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
