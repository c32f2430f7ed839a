import { endSession, getSession, type Session } from './session.ts'

/** A request that failed. The message is a sentence that says what to do. */
export class ApiError extends Error {
  override name = 'ApiError'
  /** 0 when no answer came. */
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  signal?: AbortSignal
  /** Lets the answer set a cookie. */
  takesCookie?: true
  /** Default: the key that the user signed in with. */
  session?: Session
}

/**
 * Sends a request to this server, with the key, and returns the JSON of the answer.
 * @param path from the root, for example `/api/runmill/datasets`
 * @throws ApiError
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const answer = await send(path, options)
  if (answer.status === 204) return undefined as T
  const text = await answer.text()
  let body: unknown = null
  try {
    body = JSON.parse(text)
  } catch {
    if (answer.ok) throw new ApiError(answer.status, 'The server answered with what is no JSON.')
  }
  if (answer.ok) return body as T
  throw refusalOf(answer, body, options)
}

async function send(
  path: string,
  {
    method = 'GET',
    body,
    signal,
    takesCookie,
    session = getSession() ?? undefined,
  }: RequestOptions,
): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (session !== undefined) headers['authorization'] = session.authorization
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: takesCookie === true ? 'same-origin' : 'omit',
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new ApiError(
      0,
      'The server cannot be reached. Check that it is running; it is asked again.',
    )
  }
}

function refusalOf(answer: Response, body: unknown, options: RequestOptions): ApiError {
  const said = messageOf(body)
  switch (answer.status) {
    case 401:
      if (options.session === undefined) endSession('The server no longer accepts this key.')
      return new ApiError(401, 'The server does not know this key.')
    case 403:
      return new ApiError(403, 'This key may not do that: use one with the scope that it needs.')
    case 429:
    case 503:
      return new ApiError(answer.status, `The server is busy: ${said ?? 'try again in a moment'}.`)
    default:
      return new ApiError(answer.status, said ?? `The server answered with ${answer.status}.`)
  }
}

/** Each dialect has a shape of errors of its own. */
function messageOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null
  const { message, error, detail } = body as Record<string, unknown>
  for (const each of [message, error, detail]) {
    if (typeof each === 'string') return each
  }
  return null
}

/** Builds a query string, without what is undefined, with the leading `?`. */
export function query(
  parameters: Record<string, string | number | boolean | null | undefined>,
): string {
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string | number | boolean] =>
      entry[1] !== undefined && entry[1] !== null && entry[1] !== '',
  )
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`
}
