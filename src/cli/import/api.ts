import { setTimeout } from 'node:timers/promises'
import { stringifyWithRaw } from '../../domain/raw-json.ts'
import { messageOf, parsed } from '../client.ts'
import { CliError, exitCodes } from '../exit.ts'
import { type Bucket, createBucket } from './bucket.ts'
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
  /** Tells somebody who waits of a long pause. */
  tellPause(message: string): void
}

/** A server has refused a request, and would do so again. */
export class RefusedError extends CliError {
  override name = 'RefusedError'
  readonly status: number
  /** The link that was followed; null for any other request. */
  readonly link: string | null
  constructor(status: number, message: string, link: string | null = null) {
    super(status < 500 ? exitCodes.undecidable : exitCodes.unavailable, message)
    this.status = status
    this.link = link
  }
}

interface Attempt {
  method: Method
  headers: Record<string, string>
  body: Body | undefined
}

/** How often a request is sent that fails otherwise than by a limit. A limit is waited for as long as it takes. */
const mostTries = 6
const longestPauseMs = 60_000
/** No server is asked again sooner or later than that, whatever it says. */
const toldPauseMs = { least: 500, most: 3_600_000 }

/** Makes the client of a server. It obeys the server's limits, and repeats what may succeed later. */
export function createApi(options: ApiOptions): Api {
  const { url, headers, bucketOf, refusedMs, keyAdvice, tellPause } = options
  const files = createBucket(null)

  async function send(method: Method, path: string, body?: Body): Promise<Response> {
    return persist(bucketOf(path), url + path, { method, headers, body }, (status, text) =>
      refusal(method, path, status, text),
    )
  }

  /** Sends a request until it is answered, or can never be. */
  async function persist(
    bucket: Bucket,
    address: string,
    request: Attempt,
    refused: (status: number, text: string) => CliError,
  ): Promise<Response> {
    for (let failures = 0, refusals = 0; ; ) {
      await bucket.enter()
      const response = await attempt(address, request)
      const isAnswer = response instanceof Response
      if (isAnswer && response.ok) return response
      const text = isAnswer ? await response.text().catch(() => '') : ''
      const status = isAnswer ? response.status : 0
      const toldMs = isAnswer ? retryAfterMs(response) : null
      if (toldMs !== null && toldMs > longestPauseMs) {
        tellPause(`${url} says to wait for ${Math.round(toldMs / 1000)} s`)
      }
      if (status === 429) {
        bucket.refuse(toldMs ?? Math.min(longestPauseMs, refusedMs * 2 ** refusals))
        refusals += 1
        continue
      }
      failures += 1
      const mayPass = status === 0 || status === 408 || status >= 500
      if (!mayPass || failures === mostTries) throw isAnswer ? refused(status, text) : response
      await setTimeout(toldMs ?? Math.min(longestPauseMs, 500 * 2 ** failures))
    }
  }

  async function attempt(
    address: string,
    { body, ...rest }: Attempt,
  ): Promise<Response | CliError> {
    try {
      if (body === undefined) return await fetch(address, rest)
      const sent = { 'content-type': body.type, ...rest.headers, ...body.headers }
      const content = await body.make()
      return await fetch(address, { ...rest, headers: sent, body: content, duplex: 'half' })
    } catch (error) {
      // What is sent on may come from the other server, and have failed there.
      if (error instanceof CliError) throw error
      const cause = error instanceof Error ? error.cause : undefined
      if (cause instanceof CliError) throw cause
      const said = cause instanceof Error ? cause.message : ''
      return new CliError(exitCodes.unavailable, `${url} cannot be reached. ${said}`.trim())
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
    for (let tries = 1; ; tries++) {
      const response = await send(method, path, body)
      const said = await response.text().catch(() => null)
      if (said === null && tries < mostTries) continue
      const isJson = response.headers.get('content-type')?.includes('json') === true
      if (said !== null && (isJson || said === '')) return said
      throw new CliError(exitCodes.unavailable, `${url}: ${path.replace(/\?.*/, '')} is no JSON`)
    }
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
    file: async (link) =>
      persist(
        files,
        new URL(link, url).href,
        { method: 'GET', headers: {}, body: undefined },
        (status) => new RefusedError(status, `A file of ${url} answered ${status}`, link),
      ),
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
  const toldMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(sent) - Date.now()
  const { least, most } = toldPauseMs
  return Number.isNaN(toldMs) ? null : Math.min(most, Math.max(least, toldMs))
}
