import { sliceElements, sliceMembers } from '../../domain/json.ts'
import { ask, type Connection, textOf } from '../client.ts'
import { CliError, exitCodes } from '../exit.ts'
import { type Cell, type Column, NewColumns } from './columns.ts'

const before: readonly Column[] = [
  { name: 'id', type: 'text' },
  { name: 'trace_id', type: 'text' },
  { name: 'parent_run_id', type: 'text' },
  { name: 'name', type: 'text' },
  { name: 'run_type', type: 'text' },
  { name: 'start_time', type: 'time' },
  { name: 'end_time', type: 'time' },
  { name: 'latency', type: 'number' },
  { name: 'status', type: 'text' },
  { name: 'error', type: 'text' },
]

const after: readonly Column[] = [
  { name: 'prompt_tokens', type: 'integer' },
  { name: 'completion_tokens', type: 'integer' },
  { name: 'total_tokens', type: 'integer' },
  { name: 'total_cost', type: 'number' },
  { name: 'tags', type: 'json' },
  { name: 'inputs', type: 'json' },
  { name: 'outputs', type: 'json' },
  { name: 'extra', type: 'json' },
  { name: 'reference_example_id', type: 'text' },
]

export function runColumns(scores: readonly Column[]): Column[] {
  return [...before, ...scores, ...after]
}

/** A project, as LangSmith's dialect shows it. */
export interface Project {
  id: string
  name: string
}

/** @throws CliError when there is no project of that id or name */
export async function findProject(connection: Connection, name: string): Promise<Project> {
  const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)
  const query = new URLSearchParams({ [isId ? 'id' : 'name']: name, limit: '1' })
  const found = await ask<Project[]>(connection, 'GET', `/api/v1/sessions?${query.toString()}`)
  const [project] = found
  if (project !== undefined) return project
  throw new CliError(exitCodes.undecidable, `There is no project ${name}`)
}

/** Runs of a project that a filter selects, newest first. */
export interface RunSearch {
  projectId: string
  filter: string | undefined
  /** ISO 8601. */
  since?: string | undefined
  isRoot?: boolean | undefined
  /** The members that are read; absent: all. */
  select?: readonly string[] | undefined
}

/** Runs of a page. */
export const pageSize = 100

/**
 * Reads the runs, page by page, as the text of their members: so JSON of clients stays as they wrote it.
 * @throws CliError
 */
export async function* readRuns(
  connection: Connection,
  { projectId, filter, since, isRoot, select }: RunSearch,
): AsyncGenerator<Map<string, string>> {
  let cursor: string | undefined
  do {
    const text = await textOf(connection, 'POST', '/api/v1/runs/query', {
      session: [projectId],
      limit: pageSize,
      ...(filter === undefined ? {} : { filter }),
      ...(since === undefined ? {} : { start_time: since }),
      ...(isRoot === true ? { is_root: true } : {}),
      ...(select === undefined ? {} : { select }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    const answer = sliceMembers(text)
    for (const run of sliceElements(answer.get('runs') ?? '[]')) yield sliceMembers(run)
    const cursors = JSON.parse(answer.get('cursors') ?? 'null') as { next?: string | null } | null
    cursor = cursors?.next ?? undefined
  } while (cursor !== undefined)
}

/** Makes the cells of runs. @returns a function that throws NewColumns */
export function runCells(scores: readonly Column[]): (run: Map<string, string>) => Cell[] {
  const known = new Set(scores.map(({ name }) => name))
  const plain = (run: Map<string, string>, name: string): string | null => {
    const value: unknown = JSON.parse(run.get(name) ?? 'null')
    return typeof value === 'string' ? value : value === null ? null : JSON.stringify(value)
  }
  return (run) => {
    const stats = JSON.parse(run.get('feedback_stats') ?? 'null') as Record<
      string,
      { avg: number | null; values?: Record<string, number> } | null
    > | null
    const cells = new Map<string, Cell>()
    for (const [key, stat] of Object.entries(stats ?? {})) {
      const labels = Object.keys(stat?.values ?? {})
      if (stat !== null && stat.avg !== null) cells.set(`score.${key}`, stat.avg)
      if (labels.length > 0) cells.set(`label.${key}`, labels.join(', '))
    }
    const unknown = [...cells.keys()].filter((name) => !known.has(name))
    if (unknown.length > 0) throw new NewColumns(unknown)
    const times = ['start_time', 'end_time'].map((name) => Date.parse(plain(run, name) ?? ''))
    const latency = (times[1]! - times[0]!) / 1000
    return runColumns(scores).map(({ name, type }): Cell => {
      if (name === 'latency') return Number.isNaN(latency) ? null : latency
      if (cells.has(name)) return cells.get(name)!
      const text = run.get(name)
      if (text === undefined || text === 'null') return null
      if (type === 'json') return text
      const value = plain(run, name)
      return type === 'number' || type === 'integer' ? Number(value) : value
    })
  }
}
