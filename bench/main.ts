import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { tableText } from './suite/table.ts'

/*
 * The benchmark suite: each subcommand is a program of this folder, and runs in a process of its own.
 *
 *   npm run bench                        lists the subcommands
 *   npm run bench -- NAME [OPTION…]      runs one; its file tells the options
 *   npm run bench -- all [--docs]        runs all whose figures are in docs/performance.md
 *   npm run bench -- --smoke             measures ratios, shortly, and fails when one fell far below the committed one
 */

interface Benchmark {
  measures: string
  /** The arguments of each run that docs/performance.md has figures of. */
  documented?: readonly (readonly string[])[]
  file?: string
}

const onRedis = ['--redis', 'own']
/** As an operator runs it, and not from its sources: `all` builds it first. */
const built = ['--against', '.']
const benchmarks: Record<string, Benchmark> = {
  ingest: {
    measures: 'runs a second, end to end, against the floor, with CPU time by process',
    documented: [
      [...built, ...onRedis],
      built,
      [...built, '--stock', '15', ...onRedis],
      [...built, '--stock', '15'],
      [...built, '--stock', '18', ...onRedis],
      [...built, '--stock', '18'],
      [...built, '--protocol', 'otlp', ...onRedis],
      [...built, '--protocol', 'langfuse', ...onRedis],
      [...built, '--protocol', 'multipart', ...onRedis],
    ],
  },
  lag: {
    measures: 'how long until requests are answered and until their rows are visible, at a rate',
    documented: [[...built, ...onRedis], built],
  },
  apply: { measures: 'CPU time of applying a batch, without HTTP and queue' },
  queue: { measures: 'what a job costs on Redis: with RUNMILL_REDIS_WAIT, with several shards' },
  footprint: {
    measures: 'memory when idle and in a burst, and bytes of an event in queue and tables',
    documented: [[...built, ...onRedis], built],
  },
  statistics: {
    measures: 'statistics of a large project: reads after writes, and what keeping them costs',
    documented: [[]],
  },
  comparison: { measures: 'the comparison page against its bare SQL' },
  compare: { measures: 'POST /api/runmill/compare of two large experiments' },
  'compare-large': {
    measures: 'POST /api/runmill/compare of two experiments of a million examples: memory, others',
  },
  export: { measures: 'runmill export of a million executions: time, memory, sums' },
  page: { measures: 'the page in Chromium: first rows, frames while scrolling' },
  otlp: { measures: 'spans a second over OTLP, with CPU time by process' },
  reads: {
    measures: 'every list, filter and total over a whole history',
    documented: [[]],
  },
  scale: {
    measures: 'ingestion, pages and statistics at 100 k, 1 M and 10 M runs',
    documented: [[]],
  },
  peers: {
    measures: 'the same OTLP bytes to Runmill, MLflow and Phoenix on one stock Postgres',
    documented: [[]],
    file: 'peers/main.ts',
  },
  prices: { measures: 'what computing costs takes of a batch' },
  overload: { measures: 'below and above the sustainable rate (docs/overload.md)' },
  'front-door': { measures: 'what others notice of attacks (docs/overload.md)' },
  multipart: { measures: 'memory of an API process that takes large multipart batches' },
  attachments: { measures: 'memory of an API process that takes attachments' },
  smoke: {
    measures: 'ratios alone, shortly, against the committed ones (the same as --smoke)',
    file: 'suite/smoke.ts',
  },
  docs: {
    measures: 'nothing: writes the tables of docs/performance.md anew from bench/results',
    file: 'suite/docs.ts',
  },
}

const [name, ...rest] = process.argv.slice(2)
if (name === undefined) list()
else if (name === '--smoke') process.exitCode = await run('smoke', rest)
else if (name === 'all') process.exitCode = await runAll(rest)
else if (benchmarks[name] === undefined) {
  console.error(`There is no benchmark ${name}.`)
  list()
  process.exitCode = 64
} else process.exitCode = await run(name, rest)

function list(): void {
  const rows = Object.entries(benchmarks).map(([each, { measures }]) => [each, measures])
  console.log(tableText({ head: ['npm run bench --', 'measures'], rows }))
}

async function runAll(args: readonly string[]): Promise<number> {
  const runs = Object.entries(benchmarks).flatMap(([each, { documented = [] }]) =>
    documented.map((options) => ({ each, options })),
  )
  if ((await runProcess(['scripts/build.mjs'])) !== 0) return 1
  const failed: string[] = []
  for (const [i, { each, options }] of runs.entries()) {
    const title = [each, ...options].join(' ')
    console.error(`[${i + 1} of ${runs.length}] ${title}`)
    // One that cannot run here, for want of a program or of the network, must not keep the others from running.
    if ((await run(each, [...options, ...args])) !== 0) failed.push(title)
  }
  if (failed.length > 0) console.error(`These failed: ${failed.join('; ')}`)
  return failed.length === 0 ? 0 : 1
}

async function run(each: string, args: readonly string[]): Promise<number> {
  const file = join('bench', benchmarks[each]!.file ?? `${each}.ts`)
  return runProcess(['--import', 'tsx', file, ...args])
}

async function runProcess(args: readonly string[]): Promise<number> {
  const cwd = join(import.meta.dirname, '..')
  const child = spawn(process.execPath, args, { stdio: 'inherit', cwd })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
