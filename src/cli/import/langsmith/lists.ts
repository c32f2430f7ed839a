import { sliceMembers } from '../../../domain/json.ts'
import { CliError, exitCodes } from '../../exit.ts'
import { type Api, jsonBody, type Query, search } from '../api.ts'
import { itemOf, itemsOf, required, type Item } from '../item.ts'
import type { Selection } from '../job.ts'

/** The most that a list of LangSmith answers at once. */
export const pageSize = 100

/** Reads a list, page by page. @param offset where to begin */
export async function* readPages(
  api: Api,
  path: string,
  query: Query = {},
  offset = 0,
): AsyncGenerator<{ items: Item[]; next: number }> {
  for (let next = offset; ; ) {
    const page = search({ ...query, limit: String(pageSize), offset: String(next) })
    const items = itemsOf(await api.text('GET', `${path}?${page}`))
    next += items.length
    yield { items, next }
    if (items.length < pageSize) return
  }
}

/** Reads a list of few and small things as a whole. */
export async function readAll(api: Api, path: string, query: Query = {}): Promise<Item[]> {
  const all: Item[] = []
  for await (const { items } of readPages(api, path, query)) all.push(...items)
  return all
}

/** What is imported, as far as it fits into memory: without examples, runs and feedback. */
export interface Selected {
  datasets: Item[]
  /** Projects, and the experiments on these datasets. */
  sessions: Item[]
}

/** Lists the datasets and sessions that are selected. A session that is named brings its dataset with it. */
export async function listSelected(api: Api, selection: Selection): Promise<Selected> {
  const { datasets: names, projects } = selection
  if (names.length === 0 && projects.length === 0) {
    const sessions = await readAll(api, '/api/v1/sessions', { sort_by: 'start_time' })
    return { datasets: await readAll(api, '/api/v1/datasets'), sessions }
  }
  const datasets = new Map<string, Item>()
  const sessions = new Map<string, Item>()
  const add = (to: Map<string, Item>, found: Item[]): void => {
    for (const item of found) to.set(required(item, 'id'), item)
  }
  for (const name of names) {
    const found = await readAll(api, '/api/v1/datasets', { name })
    if (found.length === 0) throw notFound('dataset', name)
    add(datasets, found)
  }
  for (const id of datasets.keys()) {
    add(sessions, await readAll(api, '/api/v1/sessions', { reference_dataset: id }))
  }
  for (const name of projects) {
    const found = await readAll(api, '/api/v1/sessions', { name })
    if (found.length === 0) throw notFound('project', name)
    add(sessions, found)
    const ids = found.flatMap((item) => item.text('reference_dataset_id') ?? [])
    if (ids.length > 0) add(datasets, await readAll(api, '/api/v1/datasets', { id: ids }))
  }
  return { datasets: [...datasets.values()], sessions: [...sessions.values()] }
}

/** The conditions on runs that a selection sets. */
function runTimes({ since, until }: Selection): Record<string, string> {
  return {
    ...(since === null ? {} : { start_time: since }),
    ...(until === null ? {} : { filter: `lt(start_time, "${until}")` }),
  }
}

/** What is asked of each run. What is left out is derived from these. */
const runSelect =
  'id name run_type start_time end_time inputs inputs_preview outputs error extra events serialized tags trace_id parent_run_id dotted_order session_id reference_example_id s3_urls'.split(
    ' ',
  )

/** Reads a page of the runs of a session, the oldest first. @param cursor `''` for the first page */
export async function readRuns(
  api: Api,
  sessionId: string,
  { selection, cursor }: { selection: Selection; cursor: string },
): Promise<{ runs: Item[]; next: string | null }> {
  const body = {
    session: [sessionId],
    ...runTimes(selection),
    select: runSelect,
    order: 'asc',
    limit: pageSize,
    skip_prev_cursor: true,
    ...(cursor === '' ? {} : { cursor }),
  }
  const answer = await api.text('POST', '/api/v1/runs/query', jsonBody(JSON.stringify(body)))
  const members = sliceMembers(answer)
  const next = itemOf(members.get('cursors') ?? '{}').text('next')
  const runs = itemsOf(members.get('runs') ?? '[]')
  return { runs, next: runs.length === 0 ? null : next }
}

/** How many runs a session has. */
export async function countRuns(
  api: Api,
  sessionId: string,
  selection: Selection,
): Promise<number> {
  const body = { session: [sessionId], ...runTimes(selection), select: ['run_count'] }
  const { run_count: count } = await api.json<{ run_count: number | null }>(
    'POST',
    '/api/v1/runs/stats',
    jsonBody(JSON.stringify(body)),
  )
  return count ?? 0
}

export async function countExamples(api: Api, datasetId: string): Promise<number> {
  return Number(await api.text('GET', `/api/v1/examples/count?dataset=${datasetId}`))
}

function notFound(what: string, name: string): CliError {
  return new CliError(exitCodes.undecidable, `The source has no ${what} ${name}`)
}
