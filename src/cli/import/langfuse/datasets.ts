import { type RawJson, stringifyWithRaw } from '../../../domain/raw-json.ts'
import { type Api, applied, post } from '../api.ts'
import { required, type Item } from '../item.ts'
import { type Job, postVersions, unlessRefused } from '../job.ts'
import { copyMedia } from './media.ts'
import { countOf, readPages, readRunItems, readRuns } from './lists.ts'

/**
 * Imports a dataset with the versions of its items.
 * @returns whether the target has it; another dataset may have its name
 */
export async function importDataset(job: Job, dataset: Item): Promise<boolean> {
  const { source, target, state } = job
  const id = required(dataset, 'id')
  const unit = `dataset/${id}`
  if (state.placeOf(unit) === null) return true
  const content = {
    id,
    name: required(dataset, 'name'),
    description: dataset.raw('description'),
    metadata: dataset.raw('metadata'),
    inputs_schema: dataset.raw('inputSchema'),
    outputs_schema: dataset.raw('expectedOutputSchema'),
    created_at: required(dataset, 'createdAt'),
    updated_at: required(dataset, 'updatedAt'),
  }
  const write = async () => post(target, '/api/runmill/import/datasets', content)
  if (!(await unlessRefused(job, write, [409]))) return false
  await importItems(job, dataset)
  const datasetName = required(dataset, 'name')
  const items = await countOf(source, '/dataset-items', { datasetName })
  await state.advance(unit, null, { datasets: 1, items })
  job.tell()
  return true
}

/** Imports the runs of a dataset. */
export async function importRuns(job: Job, dataset: Item): Promise<void> {
  for await (const runs of readRuns(job.source, dataset)) {
    for (const run of runs) await importRun(job, run)
  }
}

async function importRun(job: Job, run: Item): Promise<void> {
  const { source, target, state } = job
  const id = required(run, 'id')
  const unit = `run/${id}`
  if (state.placeOf(unit) === null) return
  const createdAt = required(run, 'createdAt')
  const metadata = run.raw('metadata')
  const isObject = metadata?.text.startsWith('{') === true
  const isWritten = await writeRun(job, {
    id,
    dataset_id: required(run, 'datasetId'),
    name: required(run, 'name'),
    is_named_in_tenant: false,
    description: run.raw('description'),
    metadata: isObject || metadata === null ? metadata : { metadata },
    start_time: createdAt,
    created_at: createdAt,
    updated_at: required(run, 'updatedAt'),
  })
  if (!isWritten) return
  let count = 0
  for await (const items of readRunItems(source, run)) {
    const content = items.map((item) => ({
      id: required(item, 'id'),
      experiment_id: id,
      dataset_id: required(run, 'datasetId'),
      example_id: required(item, 'datasetItemId'),
      trace_id: required(item, 'traceId'),
      run_id: item.raw('observationId'),
      example_version: versionOf(metadata) ?? required(item, 'createdAt'),
      created_at: required(item, 'createdAt'),
    }))
    await post(target, '/api/runmill/import/run-items', { items: content }, applied)
    count += items.length
  }
  await state.advance(unit, null, { runs: 1, 'run items': count })
  job.tell()
}

/** @returns false when another run of its dataset has the name, or it was deleted in the target */
export async function writeRun(job: Job, content: object): Promise<boolean> {
  const write = async () => post(job.target, '/api/runmill/import/experiments', content)
  return unlessRefused(job, write, [404, 409])
}

/** The version of the dataset that a run was made for, where it says so. */
function versionOf(metadata: RawJson | null): string | null {
  if (metadata?.text.startsWith('{') !== true) return null
  const { dataset_version: version } = JSON.parse(metadata.text) as { dataset_version?: unknown }
  return typeof version === 'string' && !Number.isNaN(Date.parse(version)) ? version : null
}

/** A dataset whose history is being read, the newest version first. */
interface History {
  job: Job
  datasetId: string
  datasetName: string
  /** When the version after the last one that was read began, by item. */
  ends: Map<string, string>
  /** The times of versions, the newest first. */
  times: string[]
}

/**
 * Imports the items as they are, and then goes back in time, from each version to the one before it: Langfuse lists no
 * versions, but items as they were at any time, the one that was written last first.
 */
async function importItems(job: Job, dataset: Item): Promise<void> {
  const datasetName = required(dataset, 'name')
  const datasetId = required(dataset, 'id')
  const history: History = { job, datasetId, datasetName, ends: new Map(), times: [] }
  for await (const items of readPages(job.source, '/dataset-items', { datasetName })) {
    await writeItems(history, items, async () => null)
  }
  for (let at: string | null = job.state.startedAt; at !== null; ) {
    const items = await newestAt(history, at)
    const time = items[0]?.text('updatedAt') ?? null
    // A server that knows no versions shows the newest ones at any time.
    if (time === null || time > at) return
    const unknown = items.filter((item) => history.ends.get(required(item, 'id')) !== time)
    await writeItems(history, unknown, async (item) => endOf(history, item))
    history.times.push(time)
    at = new Date(Date.parse(time) - 1).toISOString()
    job.tell()
  }
}

/** The items of the newest version at a time. */
async function newestAt({ job, datasetName }: History, version: string): Promise<Item[]> {
  const newest: Item[] = []
  for await (const items of readPages(job.source, '/dataset-items', { datasetName, version })) {
    const time = (newest[0] ?? items[0])?.text('updatedAt')
    const same = items.filter((item) => item.text('updatedAt') === time)
    newest.push(...same)
    if (same.length < items.length) break
  }
  return newest
}

/** When a version of an item ended. An item that is gone was archived, which the source tells, or deleted. */
async function endOf(history: History, item: Item): Promise<string> {
  const id = required(item, 'id')
  const known = history.ends.get(id)
  if (known !== undefined) return known
  const archived = await findArchived(history.job.source, id)
  if (archived !== null) {
    await writeItems(history, [archived], async () => null)
    return required(archived, 'updatedAt')
  }
  return deletionOf(history, item)
}

async function findArchived(source: Api, id: string): Promise<Item | null> {
  const path = `/api/public/dataset-items/${encodeURIComponent(id)}`
  const found = await source.find(path)
  return found !== null && found.text('status') === 'ARCHIVED' ? found : null
}

/** The first version of the dataset without the item. The source does not tell when it was deleted, so this is a guess. */
async function deletionOf({ job, datasetName, times }: History, item: Item): Promise<string> {
  const id = required(item, 'id')
  const begin = required(item, 'updatedAt')
  const isListedAt = async (version: string): Promise<boolean> => {
    for await (const items of readPages(job.source, '/dataset-items', { datasetName, version })) {
      if (items.some((each) => each.text('id') === id)) return true
      if ((items.at(-1)?.text('updatedAt') ?? '') < begin) return false
    }
    return false
  }
  const later = times.toReversed()
  let [low, high] = [0, later.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (await isListedAt(later[middle]!)) low = middle + 1
    else high = middle
  }
  return later[low] ?? job.state.startedAt
}

async function writeItems(
  { job, datasetId, ends }: History,
  items: readonly Item[],
  end: (item: Item) => Promise<string | null>,
): Promise<void> {
  const versions: string[] = []
  for (const [ordinal, item] of items.entries()) {
    const id = required(item, 'id')
    await copyMedia(job, item.json, { datasetId, datasetItemId: id })
    versions.push(
      stringifyWithRaw({
        id,
        valid_from: required(item, 'updatedAt'),
        valid_to: await end(item),
        ordinal,
        inputs: item.raw('input'),
        outputs: item.raw('expectedOutput'),
        metadata: item.raw('metadata'),
        archived: item.text('status') === 'ARCHIVED',
        source_trace_id: item.raw('sourceTraceId'),
        source_run_id: item.raw('sourceObservationId'),
      }),
    )
  }
  await postVersions(job, datasetId, versions)
  for (const item of items) ends.set(required(item, 'id'), required(item, 'updatedAt'))
}
