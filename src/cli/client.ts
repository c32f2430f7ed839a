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
export async function compare({ url, key }: Connection, body: CompareBody): Promise<Comparison> {
  let response: Response
  let text: string
  try {
    response = await fetch(`${url}/api/runmill/compare`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    text = await response.text()
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
    throw new CliError(exitCodes.unavailable, `${url} cannot be reached. ${cause}`.trim())
  }
  const { status } = response
  const answer = parsed(text)
  if (response.ok && Array.isArray((answer as Comparison | null)?.comparisons)) {
    return answer as Comparison
  }
  const message = messageOf(answer)
  const said = message ?? `it answered ${status}, not as Runmill does`
  if (status === 401 || status === 403) {
    throw new CliError(exitCodes.usage, `${url} refuses RUNMILL_API_KEY: ${said}`)
  }
  // What does not exist yet cannot be judged.
  if (status === 404 && message !== null) throw new CliError(exitCodes.undecidable, said)
  const isWrong = message !== null && (status === 400 || status === 422)
  throw new CliError(isWrong ? exitCodes.usage : exitCodes.unavailable, `${url}: ${said}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** What an answer in Runmill's shape says. */
function messageOf(answer: unknown): string | null {
  const error: unknown = (answer as { error?: unknown } | null)?.error
  return typeof error === 'string' ? error : null
}
