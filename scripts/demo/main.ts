import { CliError } from '../../src/cli/exit.ts'
import { compareLink, datasetLink } from '../../src/cli/page-links.ts'
import { fillDemo } from './fill.ts'
import { demoKey } from './key.ts'
import { Refused, send, type Target } from './send.ts'

/** As many as a team may have after a few months. */
const questionCount = 200

const url = (process.env.RUNMILL_URL ?? `http://127.0.0.1:${process.env.PORT ?? '3000'}`).replace(
  /\/+$/,
  '',
)

try {
  await main()
} catch (error) {
  const isKnown = error instanceof Refused || error instanceof CliError
  console.error(isKnown ? `demo: ${error.message}` : error)
  process.exitCode = 1
}

async function main(): Promise<void> {
  if (!(await isReachable())) {
    console.error(
      `demo: no server answers at ${url}. Run npm start in another terminal, or set RUNMILL_URL (or PORT, where that is set for the server).`,
    )
    process.exitCode = 1
    return
  }
  if (process.env.RUNMILL_API_KEY === undefined && !isHere(url)) {
    console.error(
      `demo: ${url} is not this machine, so no key is made or sent. Set RUNMILL_API_KEY to a secret key of that server.`,
    )
    process.exitCode = 1
    return
  }
  const key = process.env.RUNMILL_API_KEY ?? (await demoKey(isAccepted))
  if (key === null) return
  if (!(await isAccepted(key))) {
    console.error(
      `demo: ${url} does not know the key. Set RUNMILL_API_KEY to the secret key that npm start printed, or make one: npm run keys -- create`,
    )
    process.exitCode = 1
    return
  }
  const target: Target = { url, key }
  const { datasetId, experiments, comparisons } = await fillDemo(target, questionCount, (what) =>
    console.error(`demo: ${what}`),
  )
  const [baseline, ...candidates] = experiments
  const lines = [
    '',
    'Against support-main:',
    ...comparisons.flatMap(({ comparisons: [compared] }, i) => [
      '',
      `  ${candidates[i]!.variant.name}: ${candidates[i]!.variant.description}`,
      `    ${compared!.measures.find(({ key }) => key === 'correct')!.summary}`,
      `    ${compareLink(url, { baseline: baseline!.id, candidate: candidates[i]!.id })}`,
    ]),
    '',
    'Sign in with this key, and look:',
    '',
    `  ${process.env.RUNMILL_API_KEY === undefined ? key : '(the one in RUNMILL_API_KEY)'}`,
    `  ${datasetLink(url, datasetId)}`,
    '',
    'Let the gate judge; the first passes, the second does not:',
    '',
    `  export RUNMILL_URL=${url} RUNMILL_API_KEY=${process.env.RUNMILL_API_KEY === undefined ? key : '…'}`,
    `  npx runmill gate --candidate support-new-model --baseline support-main --undecided fail --score correct`,
    `  npx runmill gate --candidate support-new-model --baseline support-main --undecided fail --score correct --no-new-failures`,
  ]
  console.log(lines.join('\n'))
}

/** The kept key belongs to the server of this checkout, and nobody else is to see it. */
function isHere(address: string): boolean {
  const { hostname } = new URL(address)
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

async function isReachable(): Promise<boolean> {
  return fetch(`${url}/livez`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function isAccepted(key: string): Promise<boolean> {
  try {
    await send({ url, key }, 'GET', '/api/v1/datasets?limit=1')
    return true
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) return false
    throw error
  }
}
