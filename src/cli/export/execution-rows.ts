import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, send } from '../client.ts'
import { CliError, exitCodes } from '../exit.ts'
import { type Cell, type Column, NewColumns, type Score, scoreCells } from './columns.ts'

/** A line of `GET /api/runmill/experiments/{experiment}/rows`. JSON of clients is text. */
interface Execution {
  example_id: string
  id: string
  run_id: string | null
  trace_id: string | null
  status: string
  error: string | null
  start_time: string | null
  latency: number | null
  prompt_tokens: number | null
  completion_tokens: number | null
  total_tokens: number | null
  cost: number | null
  inputs: string | null
  reference: string | null
  outputs: string | null
  splits: string[] | null
  example_metadata: string | null
  metadata: string | null
  scores: Record<string, Score>
}

export interface ExportedExperiment {
  id: string
  name: string
  dataset_id: string
  dataset_name: string
}

/** How many executions were read, and how many there are by the server's count; null when it could not count them. */
export interface End {
  rows: number
  total: number | null
}

type Line = { experiment: ExportedExperiment } | { end: End } | Execution

const before: readonly Column[] = [
  { name: 'example_id', type: 'text' },
  { name: 'repetition', type: 'integer' },
  { name: 'inputs', type: 'json' },
  { name: 'reference', type: 'json' },
  { name: 'outputs', type: 'json' },
  { name: 'status', type: 'text' },
  { name: 'error', type: 'text' },
]

const after: readonly Column[] = [
  { name: 'start_time', type: 'time' },
  { name: 'latency', type: 'number' },
  { name: 'prompt_tokens', type: 'integer' },
  { name: 'completion_tokens', type: 'integer' },
  { name: 'total_tokens', type: 'integer' },
  { name: 'cost', type: 'number' },
  { name: 'splits', type: 'json' },
  { name: 'example_metadata', type: 'json' },
  { name: 'metadata', type: 'json' },
  { name: 'trace_id', type: 'text' },
  { name: 'run_id', type: 'text' },
]

export function executionColumns(scores: readonly Column[]): Column[] {
  return [...before, ...scores, ...after]
}

/**
 * Makes the cells of executions, which are given one after the other: the repetition is counted within the example.
 * @returns a function that throws NewColumns
 */
export function executionCells(scores: readonly Column[]): (execution: Execution) => Cell[] {
  const known = new Set(scores.map(({ name }) => name))
  let example = ''
  let repetition = 0
  return (execution) => {
    repetition = execution.example_id === example ? repetition + 1 : 1
    example = execution.example_id
    const cells = scoreCells(execution.scores)
    const unknown = [...cells.keys()].filter((name) => !known.has(name))
    if (unknown.length > 0) throw new NewColumns(unknown)
    const { splits } = execution
    return [
      execution.example_id,
      repetition,
      execution.inputs,
      execution.reference,
      execution.outputs,
      execution.status,
      plainText(execution.error),
      ...scores.map(({ name }) => cells.get(name) ?? null),
      execution.start_time,
      execution.latency,
      execution.prompt_tokens,
      execution.completion_tokens,
      execution.total_tokens,
      execution.cost,
      splits === null ? null : JSON.stringify(splits),
      execution.example_metadata,
      execution.metadata,
      execution.trace_id,
      execution.run_id,
    ]
  }
}

/** A JSON string as its text; other JSON as it is. */
function plainText(json: string | null): string | null {
  if (json === null || !json.trimStart().startsWith('"')) return json
  return JSON.parse(json) as string
}

const mostTries = 5

/**
 * Finds the experiment that is meant.
 * @throws CliError
 */
export async function findExecuted(
  connection: Connection,
  name: string,
  query: URLSearchParams,
): Promise<ExportedExperiment> {
  for await (const line of linesOf(await send(connection, 'GET', pathOf(name, query)))) {
    const read = parse(connection, line)
    if ('experiment' in read) return read.experiment
    break
  }
  throw new CliError(exitCodes.unavailable, `${connection.url} does not answer as Runmill does`)
}

/**
 * Reads all executions of an experiment. Where an answer is cut off, it goes on after the last row.
 * @throws CliError when the server stays away
 */
export async function readExecutions(
  connection: Connection,
  experimentId: string,
  query: URLSearchParams,
  use: (execution: Execution) => Promise<void>,
): Promise<End> {
  let last: Execution | null = null
  let rows = 0
  let tries = 0
  for (;;) {
    const asked = new URLSearchParams(query)
    if (last !== null) asked.set('after', `${last.example_id},${last.id}`)
    try {
      const response = await send(connection, 'GET', pathOf(experimentId, asked))
      for await (const line of linesOf(response)) {
        const read = parse(connection, line)
        if ('end' in read) return { rows, total: read.end.total }
        if ('experiment' in read) continue
        await use(read)
        last = read
        rows += 1
        tries = 0
      }
    } catch (error) {
      const isAway = error instanceof Cut || isUnavailable(error)
      if (!isAway) throw error
    }
    tries += 1
    if (tries === mostTries) {
      throw new CliError(
        exitCodes.unavailable,
        `${connection.url} cut the answer off after ${rows} rows, and does not go on`,
      )
    }
    await pause(1000 * (tries - 1))
  }
}

function pathOf(experiment: string, query: URLSearchParams): string {
  return `/api/runmill/experiments/${encodeURIComponent(experiment)}/rows?${query.toString()}`
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CliError && error.code === exitCodes.unavailable
}

/** The connection broke in the middle of an answer. */
class Cut extends Error {
  override name = 'Cut'
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  const chunks = (response.body ?? new ReadableStream()) as AsyncIterable<Uint8Array>
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await iterator.next().catch((error: unknown) => {
        throw new Cut(String(error))
      })
      if (done === true) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      // What follows the last line break is not a whole line yet.
      rest = lines.pop()!
      yield* lines
    }
  } finally {
    await iterator.return?.(undefined).catch(() => {})
  }
}

function parse({ url }: Connection, line: string): Line {
  try {
    return JSON.parse(line) as Line
  } catch {
    throw new CliError(exitCodes.unavailable, `${url} does not answer as Runmill does`)
  }
}
