import { setTimeout } from 'node:timers/promises'
import { stringifyWithRaw } from '../../domain/json.ts'
import { messageOf, parsed } from '../client.ts'
import { CliError, exitCodes } from '../exit.ts'
import type { Bucket } from './bucket.ts'
import { type Item, itemOf } from './item.ts'

/** A server that an import reads from or writes to. */
export interface Api {
  url: string
  /** The body of an answer as text. @throws CliError */
  text(method: Method, path: string, body?: Body): Promise<string>
  /** The same as JSON, whose numbers lose what JavaScript cannot hold. @throws CliError */
  json<Answer>(method: Method, path: string, body?: Body): Promise<Answer>
  /** Reads one thing. @returns null for 404 @throws CliError */
  find(path: string): Promise<Item | null>
  /** The content that a signed link leads to. @throws CliError */
  file(link: string): Promise<Response>
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What is sent. `make` is called anew for each attempt, because a stream can be read once. */
export interface Body {
  type: string
  make(): string | Promise<ReadableStream<Uint8Array>>
  /** Other headers. */
  headers?: Record<string, string>
}

export interface ApiOptions {
  url: string
  headers: Record<string, string>
  /** The bucket of a request. */
  bucketOf(path: string): Bucket
  /** How long to wait after a 429 that does not say so. */
  refusedMs: number
  /** What to do when the key is refused. */
  keyAdvice: string
}

/** A server has refused a request, and would do so again. */
export class RefusedError extends CliError {
  override name = 'RefusedError'
  readonly status: number
  constructor(status: number, message: string) {
    super(status < 500 ? exitCodes.undecidable : exitCodes.unavailable, message)
    this.status = status
  }
}

/** How often a request is sent that fails otherwise than by a limit. A limit is waited for as long as it takes. */
const mostTries = 6
const longestPauseMs = 60_000

/** Makes the client of a server. It obeys the server's limits, and repeats what may succeed later. */
export function createApi({ url, headers, bucketOf, refusedMs, keyAdvice }: ApiOptions): Api {
  async function send(method: Method, path: string, body?: Body): Promise<Response> {
    const bucket = bucketOf(path)
    for (let failures = 0, refusals = 0; ; ) {
      await bucket.enter()
      const response = await attempt(url + path, { method, headers, body })
      if (response instanceof Response && response.ok) return response
      const text = response instanceof Response ? await response.text() : ''
      const status = response instanceof Response ? response.status : 0
      const toldMs = response instanceof Response ? retryAfterMs(response) : null
      if (status === 429) {
        bucket.refuse(toldMs ?? Math.min(longestPauseMs, refusedMs * 2 ** refusals))
        refusals += 1
        continue
      }
      failures += 1
      const mayPass = status === 0 || status === 408 || status >= 500
      if (!mayPass || failures === mostTries) {
        throw response instanceof Response ? refusal(method, path, status, text) : response
      }
      await setTimeout(toldMs ?? Math.min(longestPauseMs, 500 * 2 ** failures))
    }
  }

  async function attempt(
    address: string,
    { body, ...rest }: { method: Method; headers: Record<string, string>; body?: Body | undefined },
  ): Promise<Response | CliError> {
    try {
      if (body === undefined) return await fetch(address, rest)
      const sent = { 'content-type': body.type, ...rest.headers, ...body.headers }
      const options: RequestInit = {
        ...rest,
        headers: sent,
        body: await body.make(),
        duplex: 'half',
      }
      return await fetch(address, options)
    } catch (error) {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
      return new CliError(exitCodes.unavailable, `${url} cannot be reached. ${cause}`.trim())
    }
  }

  function refusal(method: Method, path: string, status: number, text: string): CliError {
    const said = messageOf(parsed(text)) ?? text.slice(0, 300)
    if (status === 401 || status === 403) {
      return new CliError(exitCodes.usage, `${url} refuses the key: ${said}. ${keyAdvice}`)
    }
    const where = `${url}: ${method} ${path.replace(/\?.*/, '')} answered ${status}: ${said}`
    return new RefusedError(status, where)
  }

  async function text(method: Method, path: string, body?: Body): Promise<string> {
    return (await send(method, path, body)).text()
  }

  return {
    url,
    text,
    json: async <Answer>(method: Method, path: string, body?: Body) =>
      parsed(await text(method, path, body)) as Answer,
    async find(path) {
      try {
        return itemOf(await text('GET', path))
      } catch (error) {
        if (error instanceof RefusedError && error.status === 404) return null
        throw error
      }
    },
    async file(link) {
      const response = await attempt(new URL(link, url).href, { method: 'GET', headers: {} })
      if (response instanceof Response && response.ok) return response
      throw response instanceof Response
        ? new CliError(exitCodes.undecidable, `A file of ${url} answered ${response.status}`)
        : response
    },
  }
}

/** JSON as it is to be sent. */
export function jsonBody(text: string, headers: Record<string, string> = {}): Body {
  return { type: 'application/json', make: () => text, headers }
}

/** Sends JSON whose payloads are texts. */
export async function post(api: Api, path: string, content: object, headers = {}): Promise<void> {
  await api.text('POST', path, jsonBody(stringifyWithRaw(content), headers))
}

/** Asks the target to answer when it has applied what it was sent: so it is never sent more than it can take. */
export const applied = { prefer: 'wait=30' }

export type Query = Readonly<Record<string, string | readonly string[]>>

export function search(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) parameters.append(name, each)
  }
  return parameters.toString()
}

/** The header is a number of seconds, or a date. @returns null where there is none */
function retryAfterMs(response: Response): number | null {
  const sent = response.headers.get('retry-after')
  if (sent === null) return null
  const seconds = Number(sent)
  if (Number.isFinite(seconds)) return seconds * 1000
  const at = Date.parse(sent)
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now())
}
