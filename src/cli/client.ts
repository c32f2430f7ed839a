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
  if (!URL.canParse(url)) throw new CliError(exitCodes.usage, `RUNMILL_URL is no address: ${url}`)
  return { url, key }
}

/**
 * Compares experiments.
 * @throws CliError when the server cannot be reached, refuses the key, or does not understand
 */
export async function compare({ url, key }: Connection, body: CompareBody): Promise<Comparison> {
  let response: Response
  try {
    response = await fetch(`${url}/api/runmill/compare`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
    throw new CliError(exitCodes.unavailable, `${url} cannot be reached. ${cause}`.trim())
  }
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as Comparison
  const { status } = response
  const said = messageOf(text) ?? `it answered ${status}`
  if (status === 401 || status === 403) {
    throw new CliError(exitCodes.usage, `${url} refuses RUNMILL_API_KEY: ${said}`)
  }
  // What does not exist yet cannot be judged.
  if (status === 404) throw new CliError(exitCodes.undecidable, said)
  const isTemporary = status >= 500 || status === 429 || status === 408
  throw new CliError(isTemporary ? exitCodes.unavailable : exitCodes.usage, `${url}: ${said}`)
}

function messageOf(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' ? error : null
  } catch {
    return null
  }
}
