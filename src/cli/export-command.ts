import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { experimentOf, pairsOf, readArguments } from './arguments.ts'
import { ask, type Connection, readConnection } from './client.ts'
import { CliError, cannotBeWritten, exitCodes, shown } from './exit.ts'
import { type Cell, type Column, NewColumns, scoreColumns } from './export/columns.ts'
import {
  type End,
  executionCells,
  executionColumns,
  type ExportedExperiment,
  findExecuted,
  readExecutions,
} from './export/execution-rows.ts'
import { createWriter, type Format, formats } from './export/formats.ts'
import { OutputFile } from './export/output-file.ts'
import { findProject, readRuns, runCells, runColumns } from './export/run-rows.ts'
import { onInterrupt } from './interrupts.ts'
import { createProgress } from './progress.ts'

const usage = `runmill export EXPERIMENT --output FILE [OPTIONS]
runmill export --runs PROJECT --output FILE [OPTIONS]

  Writes all executions of an experiment, one row for each example and repetition, with a column for each score and one for
  its reason; or the runs of a project. EXPERIMENT is an id, a name, latest, or latest:branch=main by metadata.
  FILE.manifest.json beside it says what was written: rows, bytes, SHA-256, filter, time.

  --output FILE          .csv, .jsonl or .parquet
  --format FORMAT        csv, jsonl or parquet, where the name of the file does not say it
  --dataset NAME         id or name, where names of experiments alone are not unique
  --status STATUS        only executions that are success, error or pending
  --split NAME           only examples in this split; may be repeated
  --metadata KEY=VALUE   only examples with this in their metadata; may be repeated
  --runs PROJECT         id or name of a project, whose runs are written
  --filter FILTER        of runs, in LangSmith's language: eq(status, "error")
  --json                 prints the manifest

Ends with 0: complete, 2: no such experiment, or it changed while it was read, 64: wrong usage or key, 69: server not
reachable, 70: the command failed.`

const options = {
  output: { type: 'string', short: 'o' },
  format: { type: 'string' },
  dataset: { type: 'string' },
  status: { type: 'string' },
  split: { type: 'string', multiple: true },
  metadata: { type: 'string', multiple: true },
  runs: { type: 'string' },
  filter: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** What was written, and of what. */
interface Manifest {
  version: 1
  file: string
  format: Format
  rows: number
  /** How many rows the server counted afterwards; null where it does not count. */
  counted: number | null
  bytes: number
  sha256: string
  columns: string[]
  source: { experiment: ExportedExperiment } | { project: { id: string; name: string } }
  filter: Record<string, unknown>
  server: string
  started_at: string
  finished_at: string
}

/** What the statistics of an experiment know of its rows. */
interface Known {
  /** The names of the columns of scores. */
  scores: string[]
  /** How many rows there are without a filter. */
  rows: number
}

/** What is exported: where rows come from, and what they consist of. */
interface Source {
  filter: Record<string, unknown>
  /** What is known before any row is read. */
  known(): Promise<Known>
  columns(scores: readonly Column[]): Column[]
  /** @throws NewColumns */
  read(scores: readonly Column[], write: (row: Cell[]) => Promise<void>): Promise<End>
  described(): Manifest['source']
}

/** Writes an experiment, or the runs of a project, to a file. */
export async function exportCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(args, options, usage)
  if (values.help) return shown(usage)
  const [experiment, ...more] = positionals
  const { output, runs } = values
  if ((experiment === undefined) === (runs === undefined) || more.length > 0) {
    throw new CliError(exitCodes.usage, `Name an experiment, or a project by --runs.\n\n${usage}`)
  }
  if (output === undefined) throw new CliError(exitCodes.usage, 'Name a file by --output.')
  const format = formatOf(values.format, output)
  const connection = readConnection(env)
  const source =
    runs === undefined
      ? experimentSource(connection, experiment!, values)
      : await runsSource(connection, runs, values)
  const startedAt = new Date()
  const written = await writeAll(source, format, output)
  const { end, columns, ...rest } = written
  const manifest: Manifest = {
    version: 1,
    file: output,
    format,
    rows: end.rows,
    counted: end.total,
    ...rest,
    columns: columns.map(({ name }) => name),
    source: source.described(),
    filter: source.filter,
    server: connection.url,
    started_at: startedAt.toISOString(),
    finished_at: new Date().toISOString(),
  }
  const manifestFile = `${output}.manifest.json`
  await writeFile(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`).catch(
    (error: unknown) => {
      throw new CliError(exitCodes.usage, cannotBeWritten(manifestFile, error))
    },
  )
  console.log(
    values.json
      ? JSON.stringify(manifest, null, 2)
      : `${end.rows} rows, ${rest.bytes} bytes, SHA-256 ${rest.sha256}: ${output}`,
  )
  if (end.total !== null && end.total !== end.rows) {
    throw new CliError(
      exitCodes.undecidable,
      `${end.rows} rows were written, and there are ${end.total}: it changed while it was read. Run it again.`,
    )
  }
  return exitCodes.pass
}

function formatOf(given: string | undefined, output: string): Format {
  const wanted = given ?? extname(output).slice(1)
  const format = formats.find((each) => each === wanted)
  if (format !== undefined) return format
  throw new CliError(
    exitCodes.usage,
    `Name the format by --format, or by the end of the file: ${formats.join(', ')}.`,
  )
}

/** Writes the file, anew where a score appears that was not known before. */
async function writeAll(source: Source, format: Format, output: string) {
  const known = await source.known()
  const names = new Set(known.scores)
  const isWhole = Object.keys(source.filter).length === 0
  const of = isWhole && known.rows > 0 ? ` of about ${known.rows}` : ''
  const progress = createProgress()
  for (;;) {
    const scores = scoreColumns(names)
    const columns = source.columns(scores)
    const file = await OutputFile.create(output)
    const stay = onInterrupt((code) => {
      file.discardNow()
      process.exit(code)
    })
    try {
      const writer = await createWriter(format, columns, file)
      let rows = 0
      const end = await source.read(scores, async (row) => {
        await writer.write(row)
        rows += 1
        progress.tell(`${rows}${of} rows`)
      })
      await writer.end()
      return { end, columns, ...(await file.finish()) }
    } catch (error) {
      await file.discard()
      if (!(error instanceof NewColumns)) throw error
      for (const name of error.columns) names.add(name)
    } finally {
      stay()
      progress.end()
    }
  }
}

type Values = ReturnType<typeof readArguments<typeof options>>['values']

function experimentSource(connection: Connection, given: string, values: Values): Source {
  if (values.filter !== undefined) {
    throw new CliError(exitCodes.usage, '--filter is of runs: use --status, --split or --metadata.')
  }
  const { name, metadata } = experimentOf(given, 'The experiment')
  const query = new URLSearchParams()
  const set = (key: string, value: string | undefined): void => {
    if (value !== undefined) query.append(key, value)
  }
  set('dataset', values.dataset)
  set('experiment_metadata', metadata === undefined ? undefined : JSON.stringify(metadata))
  set('status', values.status)
  for (const split of values.split ?? []) set('split', split)
  const wanted = pairsOf(values.metadata ?? [], '--metadata')
  set('metadata', values.metadata === undefined ? undefined : JSON.stringify(wanted))
  let found: ExportedExperiment | null = null
  const filter = {
    ...(values.status === undefined ? {} : { status: values.status }),
    ...(values.split === undefined ? {} : { split: values.split }),
    ...(values.metadata === undefined ? {} : { metadata: wanted }),
  }
  return {
    filter,
    known: async () => {
      // Once, so that `latest` stays the same one.
      found = await findExecuted(connection, name, query)
      query.delete('experiment_metadata')
      return statisticsOf(connection, found.id)
    },
    columns: executionColumns,
    read: async (scores, write) => {
      const cells = executionCells(scores)
      return readExecutions(connection, found!.id, query, async (row) => write(cells(row)))
    },
    described: () => ({ experiment: found! }),
  }
}

async function statisticsOf(connection: Connection, experimentId: string): Promise<Known> {
  const path = `/api/v1/sessions/${experimentId}?include_stats=true`
  const { feedback_stats: stats, run_count: rows } = await ask<{
    feedback_stats?: Record<string, { avg: number | null; values?: object }> | null
    run_count?: number | null
  }>(connection, 'GET', path)
  const scores = Object.entries(stats ?? {}).flatMap(([key, { avg, values }]) => [
    ...(avg === null ? [] : [`score.${key}`]),
    ...(Object.keys(values ?? {}).length === 0 ? [] : [`label.${key}`]),
    `reason.${key}`,
  ])
  return { scores, rows: rows ?? 0 }
}

async function runsSource(connection: Connection, name: string, values: Values): Promise<Source> {
  if (values.status !== undefined || values.split !== undefined || values.metadata !== undefined) {
    throw new CliError(exitCodes.usage, 'Runs are selected by --filter.')
  }
  const project = await findProject(connection, name)
  const { filter } = values
  return {
    filter: filter === undefined ? {} : { filter },
    known: async () => statisticsOf(connection, project.id),
    columns: runColumns,
    read: async (scores, write) => {
      const cells = runCells(scores)
      let rows = 0
      for await (const run of readRuns(connection, { projectId: project.id, filter })) {
        await write(cells(run))
        rows += 1
      }
      return { rows, total: null }
    },
    described: () => ({ project: { id: project.id, name: project.name } }),
  }
}
