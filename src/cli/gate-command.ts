import { writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import {
  assertKeys,
  baselineOf,
  candidateOf,
  directionsOf,
  durationOf,
  numberOf,
  numbersByKey,
  readArguments,
} from './arguments.ts'
import { compare, type Connection, readConnection } from './client.ts'
import type { CompareBody } from './comparison.ts'
import { CliError, cannotBeWritten, exitCodes, shown } from './exit.ts'
import { readGateFile } from './gate-file.ts'
import { failureVerdict, type GateRules, type GateVerdict, judgeGate } from './gate-rules.ts'
import { readRegressed, type Regressed } from './regressed.ts'
import {
  failureJunit,
  failureMarkdown,
  gateJunit,
  gateMarkdown,
  gateText,
  plain,
} from './render.ts'

const usage = `runmill gate --candidate NAME --undecided pass|fail [OPTIONS]

  --file FILE             a YAML file with any of these settings, by their names; what is given here wins
  --candidate NAME        id or name of the experiment that is judged, or latest:run=4711 by metadata
  --undecided pass|fail   what it means when the interval allows both
  --baseline NAME         id or name; previous (default), latest, or latest:branch=main by metadata
  --dataset NAME          id or name
  --score KEY             a score that is judged; may be repeated; default: all
  --margin N | KEY=N      how much worse still passes (default 0)
  --direction KEY=lower   which way this score is better, higher or lower, whatever is stored; may be repeated
  --min-mean N | KEY=N    the least mean of the candidate, over the examples that both have
  --family                judges each score by an interval that holds for all judged scores at once: 95 % over the
                          family (Bonferroni), where without it each score has its own 95 %
  --no-new-failures       fails when any example does worse than before
  --max-missing N         examples that the candidate may lack (default 0)
  --max-errors N          examples of the candidate that may have failed (default 0)
  --max-baseline-age 7d   an older baseline cannot be compared with
  --least-pairs N         with fewer pairs nothing is judged (default 5)
  --wait 15m              how long to wait for what is missing or unfinished (default 0s)
  --json                  prints the verdict as JSON
  --markdown FILE         also writes it for a comment or a job's summary
  --junit FILE            also writes it as JUnit's XML

Ends with 0: pass, 1: fail, 2: cannot judge, 64: wrong usage or key, 69: server not reachable,
70: the command failed.`

const options = {
  file: { type: 'string' },
  candidate: { type: 'string' },
  undecided: { type: 'string' },
  baseline: { type: 'string' },
  dataset: { type: 'string' },
  score: { type: 'string', multiple: true },
  margin: { type: 'string', multiple: true },
  direction: { type: 'string', multiple: true },
  'min-mean': { type: 'string', multiple: true },
  family: { type: 'boolean' },
  'no-new-failures': { type: 'boolean' },
  'max-missing': { type: 'string' },
  'max-errors': { type: 'string' },
  'max-baseline-age': { type: 'string' },
  'least-pairs': { type: 'string' },
  wait: { type: 'string' },
  json: { type: 'boolean', default: false },
  markdown: { type: 'string' },
  junit: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const defaults = {
  baseline: 'previous',
  family: false,
  'no-new-failures': false,
  'max-missing': '0',
  'max-errors': '0',
  'least-pairs': '5',
  wait: '0s',
}

/** How many of the examples that did worse are named. */
const namedExamples = 10
const askAgainMs = 2000

const usualConfidence = 0.95
/** The server makes intervals of at most 99.9 %. */
const mostInFamily = 50

/** Judges an experiment by a baseline, and says so by its exit code. */
export async function gateCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values: given, positionals } = readArguments(args, options, usage)
  const file = given.file === undefined ? {} : await readGateFile(given.file)
  const values = { ...defaults, ...file, ...given }
  if (given.help) return shown(usage)
  const { candidate, undecided } = values
  if (candidate === undefined || positionals.length > 0) {
    throw new CliError(exitCodes.usage, `Name the candidate by --candidate.\n\n${usage}`)
  }
  if (undecided !== 'pass' && undecided !== 'fail') {
    throw new CliError(exitCodes.usage, 'Choose --undecided pass or --undecided fail.')
  }
  const age = values['max-baseline-age']
  const rules: Omit<GateRules, 'leastMeans'> = {
    scores: values.score ?? null,
    isFamilyWise: values.family,
    noNewFailures: values['no-new-failures'],
    maxMissing: numberOf(values['max-missing'], '--max-missing'),
    maxErrors: numberOf(values['max-errors'], '--max-errors'),
    maxBaselineAge: age === undefined ? null : durationOf(age, '--max-baseline-age'),
    undecided,
  }
  const asked: CompareBody = {
    ...candidateOf(candidate),
    ...baselineOf(values.baseline),
    ...(values.dataset === undefined ? {} : { dataset: values.dataset }),
    least_pairs: numberOf(values['least-pairs'], '--least-pairs'),
  }
  const byKey: ByKey = {
    margins: values.margin ?? [],
    directions: directionsOf(values.direction ?? []),
    leastMeans: values['min-mean'] ?? [],
  }
  const connection = readConnection(env)
  const until = Date.now() + durationOf(values.wait, '--wait')
  const write = async (markdown: string, junit: string): Promise<void> => {
    if (values.markdown !== undefined) await writeText(values.markdown, markdown)
    if (values.junit !== undefined) await writeText(values.junit, junit)
  }
  try {
    const verdict = await judgedAt(async () => judgeNow(connection, asked, byKey, rules), until)
    await write(gateMarkdown(verdict), gateJunit(verdict))
    console.log(values.json ? JSON.stringify(verdict, null, 2) : gateText(verdict))
    return verdict.exit_code
  } catch (error) {
    // Otherwise an older verdict would stay where people look for this one.
    if (error instanceof CliError) {
      await write(failureMarkdown(error.message), failureJunit(error.message))
      if (values.json) console.log(JSON.stringify(failureVerdict(error), null, 2))
    }
    throw error
  }
}

/** Rules by score, as given. Which scores there are is known once the experiments are compared. */
interface ByKey {
  margins: readonly string[]
  directions: Readonly<Record<string, 'higher' | 'lower'>>
  leastMeans: readonly string[]
}

/** @throws CliError when the file cannot be written */
async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new CliError(exitCodes.usage, cannotBeWritten(path, error))
  }
}

/** Judges as soon as that is possible, or else at the end of the time. */
async function judgedAt(judge: () => Promise<GateVerdict>, until: number): Promise<GateVerdict> {
  let told = ''
  for (;;) {
    let why: string
    try {
      const verdict = await judge()
      if (verdict.outcome !== 'cannot judge' || Date.now() >= until) return verdict
      why = verdict.reasons[0]!.message
    } catch (error) {
      const mayPass =
        error instanceof CliError &&
        (error.code === exitCodes.undecidable || error.code === exitCodes.unavailable)
      if (!mayPass || Date.now() >= until) throw error
      why = error.message
    }
    // A line for each reason, in the log of a job too: otherwise nobody knows what it waits for.
    if (why !== told) console.error(`runmill: waiting, because ${plain(why)}`)
    told = why
    await pause(Math.min(askAgainMs, Math.max(1, until - Date.now())))
  }
}

async function judgeNow(
  connection: Connection,
  asked: CompareBody,
  byKey: ByKey,
  rules: Omit<GateRules, 'leastMeans'>,
): Promise<GateVerdict> {
  const at = { now: Date.now(), url: connection.url }
  const first = await compare(connection, { ...asked, limit: 0 })
  const { candidate, measures } = first.comparisons[0]!
  const keys = measures
    .filter(({ key, is_score: isScore }) => rules.scores?.includes(key) ?? isScore)
    .map(({ key }) => key)
  // Without any, nothing can be judged, whatever the rules.
  if (keys.length === 0) return judgeGate(first, [], { ...rules, leastMeans: {} }, at)
  assertKeys(Object.keys(byKey.directions), keys, '--direction')
  const judged: CompareBody = {
    // By id: `latest` may be another one by now.
    candidates: [candidate.id],
    baseline: first.baseline.id,
    ...(asked.least_pairs === undefined ? {} : { least_pairs: asked.least_pairs }),
    // A request may name fewer measures than two experiments may have.
    ...(rules.scores === null ? {} : { measures: keys }),
    confidence: confidenceOf(rules, keys.length),
    directions: byKey.directions,
    margins: numbersByKey(byKey.margins, keys, '--margin'),
  }
  const leastMeans = numbersByKey(byKey.leastMeans, keys, '--min-mean')
  const comparison = await compare(connection, { ...judged, limit: 0 })
  const regressed: Regressed[] = []
  for (const key of keys) {
    const page = { limit: namedExamples, bodies: 'none' } as const
    const each = await readRegressed(connection, judged, comparison, key, page)
    if (each.rows.length > 0) regressed.push(each)
  }
  return judgeGate(comparison, regressed, { ...rules, leastMeans }, at)
}

/** Of each interval. @throws CliError where so many intervals are wider than the server makes them */
function confidenceOf({ isFamilyWise }: Pick<GateRules, 'isFamilyWise'>, scores: number): number {
  if (!isFamilyWise) return usualConfidence
  if (scores > mostInFamily) {
    throw new CliError(
      exitCodes.usage,
      `--family judges at most ${mostInFamily} scores: name them by --score`,
    )
  }
  return 1 - (1 - usualConfidence) / scores
}
