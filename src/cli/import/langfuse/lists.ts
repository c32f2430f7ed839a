import { sliceMembers } from '../../../domain/json.ts'
import { type Api, type Query, search } from '../api.ts'
import { CliError, exitCodes } from '../../exit.ts'
import { itemOf, itemsOf, required, type Item } from '../item.ts'
import type { Selection } from '../job.ts'

/** The most that a list of Langfuse answers at once. */
export const pageSize = 100

export interface Page {
  items: Item[]
  total: number
}

/** Reads one page of a list with numbered pages. @param page from 1 */
export async function readPage(
  api: Api,
  path: string,
  query: Query,
  page: number,
  limit = pageSize,
): Promise<Page> {
  const found = search({ ...query, page: String(page), limit: String(limit) })
  const members = sliceMembers(await api.text('GET', `/api/public${path}?${found}`))
  const total = Number(itemOf(members.get('meta') ?? '{}').value('totalItems'))
  return { items: itemsOf(members.get('data') ?? '[]'), total }
}

/** Reads a list, page by page. */
export async function* readPages(
  api: Api,
  path: string,
  query: Query = {},
): AsyncGenerator<Item[]> {
  for (let page = 1; ; page++) {
    const { items, total } = await readPage(api, path, query, page)
    if (items.length > 0) yield items
    if (page * pageSize >= total) return
  }
}

/** Reads a list whose pages are found by a cursor. @param cursor `''` for the beginning */
export async function readCursorPage(
  api: Api,
  path: string,
  query: Query,
  cursor: string,
): Promise<{ items: Item[]; next: string | null }> {
  const found = search({ ...query, ...(cursor === '' ? {} : { cursor }) })
  const members = sliceMembers(await api.text('GET', `/api/public${path}?${found}`))
  const next = itemOf(members.get('meta') ?? '{}').text('cursor')
  return { items: itemsOf(members.get('data') ?? '[]'), next }
}

/** How many a list has. */
export async function countOf(api: Api, path: string, query: Query = {}): Promise<number> {
  return (await readPage(api, path, query, 1, 1)).total
}

/** Lists the datasets that are selected. */
export async function listDatasets(api: Api, { datasets: names }: Selection): Promise<Item[]> {
  const datasets: Item[] = []
  for await (const items of readPages(api, '/v2/datasets')) datasets.push(...items)
  if (names.length === 0) return datasets
  return names.map((name) => {
    const found = datasets.find((item) => [item.text('name'), item.text('id')].includes(name))
    if (found !== undefined) return found
    throw new CliError(exitCodes.undecidable, `The source has no dataset ${name}`)
  })
}

/** The runs of a dataset. */
export function readRuns(api: Api, dataset: Item): AsyncGenerator<Item[]> {
  return readPages(api, `/datasets/${encodeURIComponent(required(dataset, 'name'))}/runs`)
}

/** The links of a run. */
export function readRunItems(api: Api, run: Item): AsyncGenerator<Item[]> {
  return readPages(api, '/dataset-run-items', {
    datasetId: required(run, 'datasetId'),
    runName: required(run, 'name'),
  })
}

/** A list of what was traced, and the parameters that bound it by time. */
export interface TracedList {
  kind: 'traces' | 'observations' | 'scores'
  path: string
  from: string
  to: string
  query: Query
}

export const tracedLists: readonly TracedList[] = [
  {
    kind: 'traces',
    path: '/traces',
    from: 'fromTimestamp',
    to: 'toTimestamp',
    query: { fields: 'core,io', orderBy: 'timestamp.desc' },
  },
  {
    kind: 'observations',
    path: '/observations',
    from: 'fromStartTime',
    to: 'toStartTime',
    query: {},
  },
  { kind: 'scores', path: '/v2/scores', from: 'fromTimestamp', to: 'toTimestamp', query: {} },
]

/** The parameters of such a list for a selection. @param latest the end, where it names none: so pages stay as they are */
export function boundsOf(
  { from, to, query }: TracedList,
  { since, until }: Selection,
  latest: string,
): Query {
  return { ...query, ...(since === null ? {} : { [from]: since }), [to]: until ?? latest }
}
