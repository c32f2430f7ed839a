import { RawJson } from '../../../domain/json.ts'
import { type Api, post, RefusedError, search } from '../api.ts'
import { itemsOf, joined, required, type Item } from '../item.ts'
import type { Job } from '../job.ts'
import { readAll } from './lists.ts'

/** Imports a project or experiment, without what is in it. */
export async function importSession(job: Job, session: Item): Promise<void> {
  const id = required(session, 'id')
  const unit = `session/${id}`
  if (job.state.placeOf(unit) === null) return
  if (required(session, 'name') === 'default') await removeEmptyDefault(job.target, id)
  try {
    await writeSession(job.target, session, true)
  } catch (error) {
    // Experiments of Langfuse's clients may have one name on several datasets.
    const isOfDataset = session.text('reference_dataset_id') !== null
    if (!(error instanceof RefusedError && error.status === 409 && isOfDataset)) throw error
    await writeSession(job.target, session, false)
  }
  await job.state.advance(unit, null, { 'projects and experiments': 1 })
  job.tell()
}

async function writeSession(target: Api, session: Item, isNamedInTenant: boolean): Promise<void> {
  const startTime = required(session, 'start_time')
  const extra = session.members('extra')
  const metadata = extra.get('metadata') ?? '{}'
  extra.delete('metadata')
  const isPlain = session.raw('extra') === null
  await post(target, '/api/runmill/import/experiments', {
    id: required(session, 'id'),
    dataset_id: session.raw('reference_dataset_id'),
    name: required(session, 'name'),
    is_named_in_tenant: isNamedInTenant,
    description: session.raw('description'),
    metadata: new RawJson(metadata),
    extra: isPlain ? null : joined(extra),
    trace_tier: session.raw('trace_tier'),
    default_dataset_id: session.raw('default_dataset_id'),
    start_time: startTime,
    end_time: session.raw('end_time'),
    created_at: startTime,
    updated_at: startTime,
  })
}

/** Every tenant gets a project `default` when somebody first looks. It must not keep the name from the one that is imported. */
async function removeEmptyDefault(target: Api, id: string): Promise<void> {
  const query = search({ name: 'default', limit: '1' })
  const [found] = itemsOf(await target.text('GET', `/api/v1/sessions?${query}`))
  if (found === undefined || found.text('id') === id || found.value('run_count') !== 0) return
  if (found.text('reference_dataset_id') !== null) return
  await target.text('DELETE', `/api/v1/sessions/${required(found, 'id')}`)
}

/** Imports the comparisons of the experiments on a dataset. */
export async function importComparisons(
  { source, target, state }: Job,
  dataset: Item,
): Promise<void> {
  const id = required(dataset, 'id')
  const unit = `comparisons/${id}`
  if (state.placeOf(unit) === null) return
  const found = await listComparisons(source, id)
  for (const comparison of found) {
    const experiments = comparison.value('experiments_info') as { id: string }[] | null
    await post(target, '/api/v1/datasets/comparative', {
      id: required(comparison, 'id'),
      experiment_ids: (experiments ?? []).map((experiment) => experiment.id),
      reference_dataset_id: id,
      name: comparison.raw('name'),
      description: comparison.raw('description'),
      extra: comparison.raw('extra'),
      created_at: comparison.raw('created_at'),
      modified_at: comparison.raw('modified_at'),
    })
  }
  await state.advance(unit, null, { comparisons: found.length })
}

export async function listComparisons(api: Api, datasetId: string): Promise<Item[]> {
  return readAll(api, `/api/v1/datasets/${datasetId}/comparative`)
}
