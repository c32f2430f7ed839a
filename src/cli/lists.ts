import { ask, type Connection } from './client.ts'
import { CliError, exitCodes } from './exit.ts'

/** Datasets and experiments, as LangSmith's dialect lists them, with what the commands show of them. */
export interface Dataset {
  id: string
  name: string
  example_count: number
  session_count: number
  created_at: string
  last_session_start_time: string | null
}

export interface Experiment {
  id: string
  name: string
  start_time: string
  reference_dataset_id: string | null
  run_count: number
  latency_p50: number | null
  total_cost: string | number | null
  error_rate: number | null
  feedback_stats: Record<string, { n: number; avg: number | null }> | null
}

const pageSize = 100

/** Reads a list, page by page, up to `limit` of it. @throws CliError */
async function readList<Item>(
  connection: Connection,
  path: string,
  query: Record<string, string>,
  limit: number,
): Promise<Item[]> {
  const items: Item[] = []
  while (items.length < limit) {
    const size = Math.min(pageSize, limit - items.length)
    const page = { ...query, limit: String(size), offset: String(items.length) }
    const search = new URLSearchParams(page).toString()
    const found = await ask<Item[]>(connection, 'GET', `${path}?${search}`)
    items.push(...found)
    if (found.length < size) break
  }
  return items
}

/** Datasets, those with the newest experiments first. @throws CliError */
export async function listDatasets(
  connection: Connection,
  { contains, limit }: { contains?: string | undefined; limit: number },
): Promise<Dataset[]> {
  const query: Record<string, string> = contains === undefined ? {} : { name_contains: contains }
  return readList<Dataset>(connection, '/api/v1/datasets', query, limit)
}

/** @throws CliError when there is no dataset of that id or name */
export async function findDataset(connection: Connection, name: string): Promise<Dataset> {
  const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)
  const query = isId ? { id: name } : { name }
  const [found] = await readList<Dataset>(connection, '/api/v1/datasets', query, 1)
  if (found !== undefined) return found
  throw new CliError(exitCodes.undecidable, `There is no dataset ${name}`)
}

/** Experiments, the newest first, with their statistics. @throws CliError */
export async function listExperiments(
  connection: Connection,
  search: {
    datasetId?: string | undefined
    metadata?: Record<string, string> | undefined
    limit: number
  },
): Promise<Experiment[]> {
  const { datasetId, metadata, limit } = search
  const query = {
    reference_free: 'false',
    include_stats: 'true',
    ...(datasetId === undefined ? {} : { reference_dataset: datasetId }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  }
  return readList<Experiment>(connection, '/api/v1/sessions', query, limit)
}
