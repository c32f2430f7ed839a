import { RawJson } from '../../../domain/raw-json.ts'
import { type Api, jsonBody, post, search } from '../api.ts'
import { itemsOf, joined, required, type Item } from '../item.ts'
import { isRefusal, type Job, unlessRefused } from '../job.ts'
import { readAll } from './lists.ts'

/**
 * Imports a project or experiment, without what is in it.
 * @returns whether the target has it; another one may have its name, it was deleted there, or its dataset was left out
 */
export async function importSession(job: Job, session: Item): Promise<boolean> {
  const unit = `session/${required(session, 'id')}`
  if (job.state.placeOf(unit) === null) return true
  const isOfDataset = session.text('reference_dataset_id') !== null
  const write = async (): Promise<void> => {
    try {
      await writeSession(job.target, session, true)
    } catch (error) {
      if (!isRefusal(error, [409])) throw error
      // Experiments of Langfuse's clients may have one name on several datasets.
      if (!isOfDataset && required(session, 'name') === 'default') await setDefaultAside(job.target)
      await writeSession(job.target, session, !isOfDataset)
    }
  }
  if (!(await unlessRefused(job, write, [404, 409]))) return false
  const count = isSetAside(session) ? 0 : 1
  await job.state.advance(unit, null, { 'projects and experiments': count })
  job.tell()
  return true
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

const asideName = 'default (before import)'

/** Whether it is a project that an import has renamed. None of these is counted. */
export function isSetAside(session: Item): boolean {
  return required(session, 'name').startsWith(asideName)
}

/**
 * Every tenant gets a project `default` when somebody first looks. It must not keep the name from the one that is imported,
 * and is renamed, because clients may have sent to it.
 */
async function setDefaultAside(target: Api): Promise<void> {
  const query = search({ name: 'default', reference_free: 'true' })
  const [found] = itemsOf(await target.text('GET', `/api/v1/sessions?${query}`))
  if (found === undefined) return
  const path = `/api/v1/sessions/${required(found, 'id')}`
  for (let number = 1; ; number++) {
    const name = number === 1 ? asideName : `${asideName} ${number}`
    try {
      await target.text('PATCH', path, jsonBody(JSON.stringify({ name })))
      return
    } catch (error) {
      if (!isRefusal(error, [409])) throw error
    }
  }
}

/** Imports the comparisons of the experiments on a dataset. */
export async function importComparisons(job: Job, dataset: Item): Promise<void> {
  const { source, target, state } = job
  const id = required(dataset, 'id')
  const unit = `comparisons/${id}`
  if (state.placeOf(unit) === null) return
  const found = await listComparisons(source, id)
  for (const comparison of found) {
    const experiments = comparison.value('experiments_info') as { id: string }[] | null
    const content = {
      id: required(comparison, 'id'),
      experiment_ids: (experiments ?? []).map((experiment) => experiment.id),
      reference_dataset_id: id,
      name: comparison.raw('name'),
      description: comparison.raw('description'),
      extra: comparison.raw('extra'),
      created_at: comparison.raw('created_at'),
      modified_at: comparison.raw('modified_at'),
    }
    // One of its experiments may have been left out.
    await unlessRefused(job, async () => post(target, '/api/v1/datasets/comparative', content))
  }
  await state.advance(unit, null, { comparisons: found.length })
}

export async function listComparisons(api: Api, datasetId: string): Promise<Item[]> {
  return readAll(api, `/api/v1/datasets/${datasetId}/comparative`)
}
