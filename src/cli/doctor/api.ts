import { ask, type Connection } from '../client.ts'
import { CliError, exitCodes } from '../exit.ts'
import { describeError, type Finding } from './finding.ts'

const lateSeconds = 60

/** Looks at an API: whether it is ready, whether it takes the key, and how far behind its events are. */
export async function examineApi(url: string, key: string | undefined): Promise<Finding[]> {
  let ready: { ready: boolean; reasons?: unknown }
  try {
    const response = await fetch(`${url}/readyz`)
    ready = (await response.json()) as typeof ready
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return [
      {
        name: 'api',
        level: 'unreachable',
        message: `${url} does not answer as Runmill does: ${describeError(cause)}`,
        advice: 'Check RUNMILL_URL, and whether the server runs.',
      },
    ]
  }
  const isReady: Finding = ready.ready
    ? { name: 'api', level: 'ok', message: `${url} is ready` }
    : {
        name: 'api',
        level: 'warning',
        message: `${url} is not ready: ${JSON.stringify(ready)}`,
        advice: 'docs/operations.md says what each reason means.',
      }
  return [isReady, await keyFinding({ url, key: key ?? '' }), ...(await lagOf(url))]
}

async function keyFinding(connection: Connection): Promise<Finding> {
  const name = 'api.key'
  const advice = 'Set RUNMILL_API_KEY to a secret key: npm run keys -- create'
  if (connection.key === '')
    return { name, level: 'warning', message: 'RUNMILL_API_KEY is not set', advice }
  try {
    await ask(connection, 'GET', '/api/v1/datasets?limit=1')
    return { name, level: 'ok', message: 'the key is accepted' }
  } catch (error) {
    const isWrong = error instanceof CliError && error.code === exitCodes.usage
    const level = isWrong ? 'warning' : 'unreachable'
    return { name, level, message: describeError(error), advice }
  }
}

/** The age of the oldest event that waits, as the process counts it. */
async function lagOf(url: string): Promise<Finding[]> {
  const text = await fetch(`${url}/metrics`).then(
    async (response) => (response.ok ? response.text() : ''),
    () => '',
  )
  const ages = [
    ...text.matchAll(/^runmill_queue_oldest_age_seconds\{[^}]*state="waiting"[^}]*\} (\S+)$/gm),
  ]
  if (ages.length === 0) return []
  const oldest = Math.max(...ages.map(([, age]) => Number(age)))
  const message = `the oldest event that waits is ${oldest.toFixed(1)} s old`
  return oldest < lateSeconds
    ? [{ name: 'api.lag', level: 'ok', message }]
    : [
        {
          name: 'api.lag',
          level: 'warning',
          message,
          advice: 'Start more workers, or look at their log.',
        },
      ]
}
