import { setTimeout as pause } from 'node:timers/promises'
import { countOf, durationOf, readArguments } from './arguments.ts'
import { readConnection } from './client.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { findProject, pageSize, readRuns } from './export/run-rows.ts'
import { onInterrupt } from './interrupts.ts'
import { plain } from './render.ts'

const usage = `runmill tail PROJECT [OPTIONS]

  Prints the runs of a project or experiment as they come, and again when they end. PROJECT is an id or a name.

  --filter FILTER   which runs, in LangSmith's language: eq(status, "error")
  --all             also runs inside of others
  --since 10m       from when on (default 1m)
  --count N         ends after N lines
  --json            prints each run as a line of JSON

Ends with 0 when it is stopped or nobody reads on, 2: no such project, 64: wrong usage or key, 69: server not reachable.`

const askAgainMs = 1000
/** Runs that come late are seen when they began up to this long ago. */
const lateMs = 600_000
/** Once in so many times all of them are looked at; else as far back as something has changed. */
const wholeEvery = 10
/** What a line for people shows. */
const shownFields = [
  'id',
  'status',
  'start_time',
  'end_time',
  'run_type',
  'name',
  'total_tokens',
  'error',
] as const

/** Prints runs as they come. */
export async function tailCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      filter: { type: 'string' },
      all: { type: 'boolean', default: false },
      since: { type: 'string', default: '1m' },
      count: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) {
    throw new CliError(exitCodes.usage, `Name one project.\n\n${usage}`)
  }
  const most = values.count === undefined ? Infinity : countOf(values.count, '--count')
  const since = Date.now() - durationOf(values.since, '--since')
  const connection = readConnection(env)
  const project = await findProject(connection, name)
  /** The state in which each run was last printed, and when it began. */
  const seen = new Map<string, { state: string; at: number }>()
  let begin = since
  // It has no other end.
  const end = (): never => process.exit(exitCodes.pass)
  onInterrupt(end)
  process.stdout.once('error', end)
  for (let [lines, looks] = [0, 0]; ; looks++) {
    const from = new Date(begin).toISOString()
    const search = {
      projectId: project.id,
      filter: values.filter,
      since: from,
      isRoot: !values.all,
      select: values.json ? undefined : shownFields,
    }
    let known = 0
    const found: { run: Map<string, string>; at: number }[] = []
    for await (const run of readRuns(connection, search)) {
      const { id, state, at } = stateOf(run)
      if (seen.get(id)?.state === state) {
        known += 1
        if (known === pageSize && looks % wholeEvery !== 0) break
        continue
      }
      known = 0
      seen.set(id, { state, at })
      found.push({ run, at })
    }
    for (const { run } of found.toSorted((a, b) => a.at - b.at)) {
      console.log(values.json ? jsonOf(run) : lineOf(run))
      lines += 1
      if (lines >= most) return exitCodes.pass
    }
    begin = Math.max(since, Date.now() - lateMs)
    for (const [id, { at }] of seen) if (at < begin) seen.delete(id)
    await pause(askAgainMs)
  }
}

function stateOf(run: Map<string, string>): { id: string; state: string; at: number } {
  const read = (name: string): unknown => JSON.parse(run.get(name) ?? 'null')
  return {
    id: String(read('id')),
    state: String(read('status')),
    at: timeOf(String(read('start_time'))),
  }
}

/** LangSmith's dialect writes times without a zone. */
function timeOf(time: string): number {
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`)
}

function jsonOf(run: Map<string, string>): string {
  const members = [...run].map(([name, text]) => `${JSON.stringify(name)}:${text}`)
  return `{${members.join(',')}}`.replaceAll(/[\r\n]/g, ' ')
}

function lineOf(run: Map<string, string>): string {
  const read = (name: string): unknown => JSON.parse(run.get(name) ?? 'null')
  const start = timeOf(String(read('start_time')))
  const end = read('end_time')
  const took = typeof end === 'string' ? `${((timeOf(end) - start) / 1000).toFixed(2)} s` : ''
  const tokens = read('total_tokens')
  const error = read('error')
  return [
    new Date(start).toISOString().slice(11, 23),
    String(read('status')).padEnd(7),
    took.padStart(9),
    String(read('run_type')).padEnd(9),
    plain(String(read('name'))).replaceAll('\n', ' '),
    typeof tokens === 'number' && tokens > 0 ? `${tokens} tokens` : '',
    typeof error === 'string' ? plain(error).replaceAll('\n', ' ').slice(0, 100) : '',
    String(read('id')),
  ]
    .filter((part) => part.trim() !== '')
    .join('  ')
}
