import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { stringifyWithRaw } from '../../../domain/raw-json.ts'
import { applied, jsonBody, type Query } from '../api.ts'
import { required, type Item } from '../item.ts'
import { type Job, sendAll } from '../job.ts'
import { boundsOf, pageSize, readPage, readPages, type TracedList } from './lists.ts'
import { copyMedia } from './media.ts'

/** So many pages of a list are read at once. */
const pagesAtOnce = 4

/** Imports a list of what was traced. Its end is fixed, so pages stay as they are while more is traced. */
export async function importTraced(job: Job, list: TracedList): Promise<void> {
  const { source, selection, state } = job
  const place = state.placeOf(list.kind)
  if (place === null) return
  const query = boundsOf(list, selection, state.startedAt)
  for (let page = place === '' ? 1 : Number(place), isEnd = false; !isEnd; page += pagesAtOnce) {
    const first = await readPage(source, list.path, query, page)
    const pages = Math.ceil(first.total / pageSize)
    const others = Array.from(
      { length: Math.max(0, Math.min(pagesAtOnce - 1, pages - page)) },
      async (_, i) => readPage(source, list.path, query, page + 1 + i),
    )
    const items = [first, ...(await Promise.all(others))].flatMap((each) => each.items)
    await writeTraced(job, list.kind, items)
    isEnd = page + others.length >= pages
    const next = isEnd ? null : String(page + pagesAtOnce)
    await state.advance(list.kind, next, { [list.kind]: items.length })
    job.tell()
  }
}

/** Imports a trace with its observations and scores. */
export async function importTrace(job: Job, id: string): Promise<void> {
  const unit = `trace/${id}`
  if (job.state.placeOf(unit) === null) return
  const trace = await job.source.find(tracePath(id))
  if (trace === null) return
  const observations = trace.items('observations')
  await writeTraced(job, 'traces', [trace])
  await writeTraced(job, 'observations', observations)
  const scores = await importScores(job, { traceId: id })
  await job.state.advance(unit, null, { traces: 1, observations: observations.length, scores })
  job.tell()
}

/** Imports the scores that a query finds. @returns how many there are */
export async function importScores(job: Job, query: Query): Promise<number> {
  let count = 0
  for await (const scores of readPages(job.source, '/v2/scores', query)) {
    await writeTraced(job, 'scores', scores)
    count += scores.length
  }
  return count
}

export function tracePath(id: string): string {
  return `/api/public/traces/${encodeURIComponent(id)}`
}

const bodiesOf: Readonly<Record<TracedList['kind'], (item: Item) => [type: string, body: object]>> =
  {
    traces: traceOf,
    observations: observationOf,
    scores: scoreOf,
  }

export async function writeTraced(
  job: Job,
  kind: TracedList['kind'],
  items: readonly Item[],
): Promise<void> {
  const events: string[] = []
  for (const item of items) {
    const id = required(item, 'id')
    if (kind === 'traces') await copyMedia(job, item.json, { traceId: id })
    if (kind === 'observations') {
      await copyMedia(job, item.json, { traceId: item.text('traceId') ?? id, observationId: id })
    }
    const [type, body] = bodiesOf[kind](item)
    // The time of the envelope says which of two versions is newer.
    const timestamp = required(item, 'updatedAt')
    const times = { createdAt: required(item, 'createdAt'), updatedAt: timestamp }
    events.push(stringifyWithRaw({ id, type, timestamp, body: { ...body, ...times } }))
  }
  await sendAll(
    job,
    events,
    ({ length }) => length,
    async (part) => {
      const body = jsonBody(`{"batch":[${part.join(',')}]}`, applied)
      const answer = await job.target.text('POST', '/api/public/ingestion', body)
      const errors = sliceElements(sliceMembers(answer).get('errors') ?? '[]')
      for (const error of errors) await job.leaveOut(`The target refused one of ${kind}: ${error}`)
    },
  )
}

function picked(item: Item, names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, item.raw(name)]))
}

/** Every answer shows an environment, `default` where none was named: that of the trace may count instead. */
function environmentOf(item: Item): object {
  return item.text('environment') === 'default' ? {} : picked(item, ['environment'])
}

const payloads = ['input', 'output', 'metadata', 'name', 'version'] as const

function traceOf(item: Item): [string, object] {
  const own = ['id', 'timestamp', 'userId', 'sessionId', 'release', 'tags', 'public']
  return ['trace-create', { ...picked(item, [...payloads, ...own]), ...environmentOf(item) }]
}

function observationOf(item: Item): [string, object] {
  const own =
    'id traceId parentObservationId type startTime endTime level statusMessage completionStartTime model modelParameters promptName promptVersion usageDetails costDetails'.split(
      ' ',
    )
  return ['observation-create', { ...picked(item, [...payloads, ...own]), ...environmentOf(item) }]
}

/** A score has its value as a number or as a text, by its type. */
function scoreOf(item: Item): [string, object] {
  const dataType = required(item, 'dataType')
  const isNumber = dataType === 'NUMERIC' || dataType === 'BOOLEAN'
  const value = item.raw(isNumber ? 'value' : 'stringValue')
  const own = ['id', 'name', 'dataType', 'configId', 'queueId', 'comment', 'metadata']
  const common = { ...picked(item, [...own, 'source', 'timestamp']), ...environmentOf(item) }
  return ['score-create', { ...common, ...subjectOf(item), value }]
}

/** A score is about one thing alone, and what it is about may be shown with what that belongs to. */
function subjectOf(item: Item): object {
  if (item.raw('traceId') !== null) return picked(item, ['traceId', 'observationId'])
  if (item.raw('sessionId') !== null) return picked(item, ['sessionId'])
  return picked(item, ['datasetRunId'])
}
