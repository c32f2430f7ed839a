import { setTimeout as pause } from 'node:timers/promises'
import type { Comparison, CompareBody } from './comparison.ts'
import { CliError, exitCodes } from './exit.ts'

/** Where the server is, and the key for it. */
export interface Connection {
  url: string
  key: string
}

/** @throws CliError when the environment does not say where the server is */
export function readConnection(env: NodeJS.ProcessEnv): Connection {
  const url = env.RUNMILL_URL?.replace(/\/+$/, '')
  const key = env.RUNMILL_API_KEY
  if (!url || !key) {
    throw new CliError(
      exitCodes.usage,
      'Set RUNMILL_URL to the address of the server, and RUNMILL_API_KEY to a secret key.',
    )
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliError(exitCodes.usage, `RUNMILL_URL is no address of a server: ${url}`)
  }
  return { url, key }
}

/**
 * Compares experiments.
 * @throws CliError when the server cannot be reached, refuses the key, or does not understand
 */
export async function compare(connection: Connection, body: CompareBody): Promise<Comparison> {
  const answer = parsed(await textOf(connection, 'POST', '/api/runmill/compare', body))
  if (Array.isArray((answer as Comparison | null)?.comparisons)) return answer as Comparison
  throw notOurs(connection, 200)
}

/**
 * Asks for JSON, which is not checked any further.
 * @throws CliError as `compare`
 */
export async function ask<Answer>(
  connection: Connection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Answer> {
  const answer = parsed(await textOf(connection, method, path, body))
  if (answer === null) throw notOurs(connection, 200)
  return answer as Answer
}

/** The body of an answer as text. @throws CliError as `compare` */
export async function textOf(
  connection: Connection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<string> {
  const response = await send(connection, method, path, body)
  try {
    return await response.text()
  } catch (error) {
    throw away(connection, error)
  }
}

/** How often a request is sent again that the server has no room for at the moment. */
const mostTries = 5

/** Sends a request. @returns the answer, whose body is still to be read @throws CliError as `compare` */
export async function send(
  connection: Connection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    let response: Response
    try {
      response = await fetch(connection.url + path, {
        method,
        headers: {
          'x-api-key': connection.key,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (response.ok) return response
      const text = await response.text()
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      if (![429, 503].includes(response.status) || !(seconds <= 30) || attempt === mostTries) {
        throw refusal(connection, response.status, text)
      }
      await pause(seconds * 1000)
    } catch (error) {
      throw error instanceof CliError ? error : away(connection, error)
    }
  }
}

function away({ url }: Connection, error: unknown): CliError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  return new CliError(exitCodes.unavailable, `${url} cannot be reached. ${cause}`.trim())
}

function notOurs({ url }: Connection, status: number): CliError {
  return new CliError(exitCodes.unavailable, `${url}: it answered ${status}, not as Runmill does`)
}

function refusal(connection: Connection, status: number, text: string): CliError {
  const { url } = connection
  const message = messageOf(parsed(text))
  const said = message ?? `it answered ${status}, not as Runmill does`
  if (status === 401 || status === 403) {
    return new CliError(exitCodes.usage, `${url} refuses RUNMILL_API_KEY: ${said}`)
  }
  if (message === null) return notOurs(connection, status)
  // What does not exist yet cannot be judged.
  if (status === 404) return new CliError(exitCodes.undecidable, message)
  const isWrong = status === 400 || status === 422
  return new CliError(isWrong ? exitCodes.usage : exitCodes.unavailable, `${url}: ${message}`)
}

/** JSON; null for anything else. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** What a refusal says, in Runmill's shape, or in that of LangSmith's dialect. */
export function messageOf(answer: unknown): string | null {
  const { error, detail } = (answer ?? {}) as { error?: unknown; detail?: unknown }
  if (typeof error === 'string') return error
  if (typeof detail === 'string') return detail
  const [first] = Array.isArray(detail) ? (detail as { msg?: unknown }[]) : []
  return typeof first?.msg === 'string' ? first.msg : null
}
