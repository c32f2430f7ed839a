import {
  assertKeys,
  baselineOf,
  candidateOf,
  countOf,
  directionsOf,
  readArguments,
} from './arguments.ts'
import { compare, readConnection } from './client.ts'
import type { CompareBody } from './comparison.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { readRegressed } from './regressed.ts'
import { comparisonText, valuesOf } from './render.ts'

const usage = `runmill compare CANDIDATE [BASELINE] [OPTIONS]

  Each is an id, a name, latest, or latest:branch=main by metadata; without a baseline, the experiment before it

  --dataset NAME       id or name, where names of experiments alone are not unique
  --score KEY          a measure to show; may be repeated
  --direction KEY=lower
                       which way this measure is better, higher or lower, whatever is stored; may be repeated
  --regressed KEY      lists the examples that did worse in this score, the worst first
  --top N              how many (default 20)
  --json               prints the answer of the server

Ends with 0: compared, whatever came of it (gate judges), 2: no such experiment, 64: wrong usage or key, 69: server not
reachable.`

/** Compares experiments and prints what differs. */
export async function compareCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      dataset: { type: 'string' },
      score: { type: 'string', multiple: true },
      direction: { type: 'string', multiple: true, default: [] },
      regressed: { type: 'string' },
      top: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [candidate, baseline = 'previous', ...more] = positionals
  if (candidate === undefined || more.length > 0) {
    throw new CliError(exitCodes.usage, `Name a candidate, and at most one baseline.\n\n${usage}`)
  }
  const directions = directionsOf(values.direction)
  const top = countOf(values.top, '--top')
  const asked: CompareBody = {
    ...candidateOf(candidate),
    ...baselineOf(baseline),
    ...(values.dataset === undefined ? {} : { dataset: values.dataset }),
    ...(values.score === undefined ? {} : { measures: values.score }),
    directions,
    limit: 0,
  }
  const connection = readConnection(env)
  const comparison = await compare(connection, asked)
  const keys = comparison.comparisons[0]!.measures.map((measure) => measure.key)
  assertKeys(Object.keys(directions), keys, '--direction')
  const { regressed: key } = values
  if (key !== undefined) {
    comparison.rows = (
      await readRegressed(connection, asked, comparison, key, { limit: top, bodies: 'full' })
    ).rows
  }
  if (values.json) console.log(JSON.stringify(comparison, null, 2))
  else {
    console.log(comparisonText(comparison))
    for (const row of comparison.rows) {
      const { example_id: id, inputs } = row
      console.log(
        `  ${id}  ${valuesOf(row, key!)}  ${JSON.stringify(inputs ?? null).slice(0, 100)}`,
      )
    }
  }
  return exitCodes.pass
}
