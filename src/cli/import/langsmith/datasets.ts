import { type RawJson, stringifyWithRaw } from '../../../domain/raw-json.ts'
import { type Api, post, search } from '../api.ts'
import { itemOf, itemsOf, joined, required, type Item } from '../item.ts'
import { type Job, postVersions, unlessRefused } from '../job.ts'
import { countExamples, pageSize, readAll, readPages } from './lists.ts'

/** Writes a dataset with its times. Without the experiment that others are compared with, that one stays as it is. */
export async function writeDataset(
  target: Api,
  dataset: Item,
  { hasBaseline }: { hasBaseline: boolean },
): Promise<void> {
  const createdAt = required(dataset, 'created_at')
  await post(target, '/api/runmill/import/datasets', {
    id: required(dataset, 'id'),
    name: required(dataset, 'name'),
    description: dataset.raw('description'),
    data_type: dataset.raw('data_type'),
    metadata: dataset.raw('metadata'),
    inputs_schema: dataset.raw('inputs_schema_definition'),
    outputs_schema: dataset.raw('outputs_schema_definition'),
    transformations: dataset.raw('transformations'),
    externally_managed: dataset.raw('externally_managed'),
    baseline_experiment_id: hasBaseline ? dataset.raw('baseline_experiment_id') : undefined,
    created_at: createdAt,
    updated_at: dataset.text('modified_at') ?? createdAt,
  })
}

/**
 * Imports a dataset, all its versions, and their tags.
 * @returns whether the target has it; another dataset may have its name
 */
export async function importDataset(job: Job, dataset: Item): Promise<boolean> {
  const { source, target, state } = job
  const id = required(dataset, 'id')
  const unit = `dataset/${id}`
  if (state.placeOf(unit) === null) return true
  const write = async () => writeDataset(target, dataset, { hasBaseline: false })
  if (!(await unlessRefused(job, write, [409]))) return false
  const path = `/api/v1/datasets/${id}`
  const versions = await readAll(source, `${path}/versions`)
  const times = versions.map((version) => required(version, 'as_of'))
  await importVersions(job, id, times)
  for (const version of versions) {
    const tags = (version.value('tags') ?? []) as string[]
    for (const tag of tags.filter((each) => each !== 'latest')) {
      const body = JSON.stringify({ tag, as_of: required(version, 'as_of') })
      const make = (): string => body
      await target.text('PUT', `${path}/tags`, { type: 'application/json', make })
    }
  }
  await state.advance(unit, null, {
    datasets: 1,
    versions: times.length,
    examples: times.length === 0 ? 0 : await countExamples(source, id),
  })
  job.tell()
  return true
}

interface Diff {
  examples_added: string[]
  examples_modified: string[]
  examples_removed: string[]
}

/**
 * Writes what each version changed, the newest version first: so it is known of each example when its next version
 * began, or when it was deleted.
 * @param times of the versions, the newest first
 */
async function importVersions(
  job: Job,
  datasetId: string,
  times: readonly string[],
): Promise<void> {
  const { source } = job
  const ends = new Map<string, string>()
  for (const [i, time] of times.entries()) {
    const before = times[i + 1]
    let changed: ReadonlySet<string> | null = null
    const removed: string[] = []
    if (before !== undefined) {
      const query = search({ from_version: before, to_version: time })
      const diff = await source.json<Diff>(
        'GET',
        `/api/v1/datasets/${datasetId}/versions/diff?${query}`,
      )
      changed = new Set([...diff.examples_added, ...diff.examples_modified])
      removed.push(...diff.examples_removed)
    }
    let ordinal = 0
    for await (const examples of readChanged(source, { datasetId, time, changed })) {
      const rows = []
      for (const example of examples) {
        rows.push(stringifyWithRaw(await versionOf(job, example, { time, ends, ordinal })))
        ordinal += 1
      }
      await postVersions(job, datasetId, rows)
      for (const example of examples) ends.set(required(example, 'id'), time)
      job.tell()
    }
    for (const id of removed) ends.set(id, time)
  }
}

const select =
  'id created_at modified_at inputs outputs metadata source_run_id attachment_urls'.split(' ')

/** Examples as a version has them: those that it changed, or all where nothing says which. */
async function* readChanged(
  source: Api,
  wanted: { datasetId: string; time: string; changed: ReadonlySet<string> | null },
): AsyncGenerator<Item[]> {
  const { datasetId, time, changed } = wanted
  const query = { dataset: datasetId, as_of: time, select }
  if (changed !== null && changed.size <= pageSize) {
    if (changed.size === 0) return
    const found = search({ ...query, id: [...changed], limit: String(pageSize) })
    yield itemsOf(await source.text('GET', `/api/v1/examples?${found}`))
    return
  }
  for await (const { items } of readPages(source, '/api/v1/examples', query)) {
    const kept = items.filter((item) => changed === null || changed.has(required(item, 'id')))
    if (kept.length > 0) yield kept
  }
}

async function versionOf(
  job: Job,
  example: Item,
  at: { time: string; ends: ReadonlyMap<string, string>; ordinal: number },
): Promise<object> {
  const id = required(example, 'id')
  const { dataset_split: splits = null, ...metadata } = (example.value('metadata') ?? {}) as Record<
    string,
    unknown
  >
  return {
    id,
    valid_from: at.time,
    valid_to: at.ends.get(id) ?? null,
    created_at: example.text('created_at'),
    ordinal: at.ordinal,
    inputs: example.raw('inputs'),
    outputs: example.raw('outputs'),
    metadata: Object.keys(metadata).length === 0 ? null : withoutSplits(example),
    splits: splits === null ? null : [splits].flat(),
    source_run_id: example.raw('source_run_id'),
    attachments: await copyAttachments(job, example.value('attachment_urls')),
  }
}

/** The metadata as they were written, without the splits, which answers show among them. */
function withoutSplits(example: Item): RawJson {
  const members = example.members('metadata')
  members.delete('dataset_split')
  return joined(members)
}

/** Copies the bytes, which pass through without being held. */
async function copyAttachments(job: Job, urls: unknown): Promise<object[]> {
  const attachments: object[] = []
  for (const { name, link, mimeType } of attachmentsOf(urls)) {
    const body = {
      type: 'application/octet-stream',
      make: async () => (await job.source.file(link)).body ?? new Blob([]).stream(),
    }
    await unlessRefused(job, async () => {
      const stored = itemOf(await job.target.text('POST', '/api/runmill/import/blobs', body))
      attachments.push({ name, blob_id: required(stored, 'blob_id'), mime_type: mimeType })
    })
  }
  return attachments
}

export interface Attachment {
  name: string
  link: string
  mimeType: string
}

/** Reads `attachment_urls` of an example, or `s3_urls` of a run, where the vendor also has links to other things. */
export function attachmentsOf(urls: unknown): Attachment[] {
  if (typeof urls !== 'object' || urls === null) return []
  const prefix = 'attachment.'
  return Object.entries(urls as Record<string, { presigned_url?: string; mime_type?: string }>)
    .filter(([key, { presigned_url: link }]) => key.startsWith(prefix) && link !== undefined)
    .map(([key, { presigned_url: link, mime_type: type }]) => ({
      name: key.slice(prefix.length),
      link: link!,
      mimeType: type ?? 'application/octet-stream',
    }))
}
