import { sliceMembers } from '../../../domain/json.ts'
import { type Api, applied, post, type Query } from '../api.ts'
import { type Item, itemOf, joined, required } from '../item.ts'
import type { Job, Selection } from '../job.ts'
import type { Counts } from '../state.ts'
import { writeRun } from './datasets.ts'
import { readCursorPage } from './lists.ts'
import { writeTraced } from './traced.ts'

/*
 * Langfuse 4 as it is installed today, and its cloud, have no lists of traces, v1 observations and links: what they hold is
 * in observations, experiments and experiment items.
 */

/** Whether the server has only the lists of version 4. */
export async function isEventsOnly(api: Api): Promise<boolean> {
  return (await api.find('/api/public/traces?limit=1')) === null
}

/** Before anything that is imported. */
const beginning = '1970-01-01T00:00:00Z'

/** A list of version 4, and how a page of it is written. */
interface CursorList {
  kind: string
  path: string
  query(selection: Selection, latest: string): Query
  write(job: Job, items: Item[], query: Query, cursor: string): Promise<void>
}

const started = ({ since, until }: Selection, latest: string): Query => ({
  fromStartTime: since ?? beginning,
  toStartTime: until ?? latest,
})

const lists: readonly CursorList[] = [
  {
    kind: 'runs',
    path: '/experiments',
    query: (selection, latest) => ({
      ...started(selection, latest),
      fields: 'core,metadata',
      limit: '100',
    }),
    write: async (job, items) => {
      for (const item of items) await writeExperiment(job, item)
    },
  },
  {
    kind: 'run items',
    path: '/experiment-items',
    query: (selection, latest) => ({
      ...started(selection, latest),
      fields: 'core,dataset',
      limit: '100',
    }),
    write: async ({ target }, items) => {
      await post(target, '/api/runmill/import/run-items', { items: items.map(linkOf) }, applied)
    },
  },
  {
    kind: 'observations',
    path: '/v2/observations',
    query: (selection, latest) => ({
      ...started(selection, latest),
      fields: 'basic,time,io,metadata,model,usage,prompt,trace_context',
      limit: '200',
    }),
    write: writeObservations,
  },
  {
    kind: 'scores',
    path: '/v3/scores',
    query: ({ since, until }, latest) => ({
      ...(since === null ? {} : { fromTimestamp: since }),
      toTimestamp: until ?? latest,
      fields: 'details,subject,annotation',
      limit: '100',
    }),
    write: async (job, items) => writeTraced(job, 'scores', items.map(scoreOf)),
  },
]

/** Only what belongs to the datasets, where some are selected. */
function narrowed({ path }: CursorList, query: Query, datasets: readonly Item[] | null): Query {
  const isOfDatasets = path === '/experiments' || path === '/experiment-items'
  if (datasets === null || !isOfDatasets) return query
  return { ...query, datasetId: datasets.map((dataset) => required(dataset, 'id')).join(',') }
}

/** Imports runs, links, observations with their traces, and scores. */
export async function importEventsOnly(job: Job, datasets: readonly Item[]): Promise<void> {
  const { source, selection, state } = job
  const chosen = selection.datasets.length === 0 ? null : datasets
  for (const list of lists) {
    const query = narrowed(list, list.query(selection, state.startedAt), chosen)
    for (let cursor = state.placeOf(list.kind); cursor !== null; ) {
      const { items, next } = await readCursorPage(source, list.path, query, cursor)
      if (items.length > 0) await list.write(job, items, query, cursor)
      await state.advance(list.kind, next, { [list.kind]: items.length })
      job.tell()
      cursor = next
    }
  }
}

/** Counts the same on a server, page by page: these lists state no totals. */
export async function countEventsOnly(
  api: Api,
  datasets: readonly Item[],
  selection: Selection,
  latest: string,
): Promise<Counts> {
  const counts: Counts = {}
  const chosen = selection.datasets.length === 0 ? null : datasets
  for (const list of lists) {
    const { fields: _, ...rest } = narrowed(list, list.query(selection, latest), chosen)
    let count = 0
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: Item[]; next: string | null } = await readCursorPage(
        api,
        list.path,
        rest,
        cursor,
      )
      count += page.items.length
      cursor = page.next
    }
    counts[list.kind] = count
  }
  return counts
}

async function writeExperiment(job: Job, item: Item): Promise<void> {
  const startTime = required(item, 'startTime')
  const metadata = item.raw('metadata')
  await writeRun(job, {
    id: required(item, 'id'),
    dataset_id: item.raw('datasetId'),
    name: required(item, 'name'),
    is_named_in_tenant: false,
    description: item.raw('description'),
    metadata,
    start_time: startTime,
    created_at: startTime,
    updated_at: startTime,
  })
}

function linkOf(item: Item): object {
  const startTime = required(item, 'startTime')
  return {
    experiment_id: required(item, 'experimentId'),
    dataset_id: item.raw('experimentDatasetId'),
    example_id: required(item, 'experimentItemId'),
    trace_id: required(item, 'traceId'),
    run_id: required(item, 'id'),
    example_version: item.text('experimentItemVersion') ?? startTime,
    created_at: startTime,
  }
}

/** The length to which values of metadata are cut, unless they are asked for by name. */
const cutLength = 200

/** Writes observations. Those without a parent say what the traces are. */
async function writeObservations(
  job: Job,
  items: Item[],
  query: Query,
  cursor: string,
): Promise<void> {
  const cut = new Set(items.flatMap(cutKeys))
  const whole =
    cut.size === 0
      ? items
      : (
          await readCursorPage(
            job.source,
            '/v2/observations',
            { ...query, expandMetadata: [...cut].join(',') },
            cursor,
          )
        ).items
  const roots = whole.filter((item) => item.raw('parentObservationId') === null)
  await writeTraced(job, 'traces', roots.map(traceOf))
  await writeTraced(job, 'observations', whole.map(observationOf))
}

function cutKeys(item: Item): string[] {
  return [...item.members('metadata')].flatMap(([key, json]) =>
    json.startsWith('"') && (JSON.parse(json) as string).length >= cutLength ? [key] : [],
  )
}

function changed(item: Item, changes: Record<string, string>): Item {
  const members = sliceMembers(item.json)
  for (const [name, json] of Object.entries(changes)) members.set(name, json)
  return itemOf(joined(members).text)
}

function observationOf(item: Item): Item {
  return changed(item, {
    input: payloadOf(item.text('input')),
    output: payloadOf(item.text('output')),
    // Langfuse shows the model that the client named under this name as well.
    model: (item.raw('providedModelName') ?? item.raw('model'))?.text ?? 'null',
  })
}

/** Payloads come as texts. One that is an object or a list was sent as one. */
function payloadOf(text: string | null): string {
  if (text === null) return 'null'
  if (/^\s*[[{]/.test(text) && isJson(text)) return text
  return JSON.stringify(text)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A trace, as its first observation tells of it. */
function traceOf(item: Item): Item {
  const json = (name: string): string => item.raw(name)?.text ?? 'null'
  return changed(itemOf('{}'), {
    id: json('traceId'),
    timestamp: json('startTime'),
    name: json('traceName'),
    userId: json('userId'),
    sessionId: json('sessionId'),
    tags: json('tags'),
    release: json('release'),
    version: json('version'),
    public: json('public'),
    environment: json('environment'),
    createdAt: json('createdAt'),
    updatedAt: json('updatedAt'),
  })
}

/** A score of version 3, with the fields of version 2. */
function scoreOf(item: Item): Item {
  const value = item.raw('value')?.text ?? 'null'
  const subject = itemOf(item.raw('subject')?.text ?? '{}')
  const id = subject.raw('id')?.text ?? 'null'
  const subjects: Record<string, Record<string, string>> = {
    observation: { observationId: id, traceId: subject.raw('traceId')?.text ?? 'null' },
    trace: { traceId: id },
    session: { sessionId: id },
    experiment: { datasetRunId: id },
  }
  return changed(item, {
    ...subjects[subject.text('kind') ?? ''],
    value: value === 'true' ? '1' : value === 'false' ? '0' : value,
    stringValue: value.startsWith('"') ? value : 'null',
  })
}
