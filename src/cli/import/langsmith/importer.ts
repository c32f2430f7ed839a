import { hours, requestsPerSecond } from '../hours.ts'
import { applied, post, type Api } from '../api.ts'
import { eachOf, required, type Item } from '../item.ts'
import { type Importer, type Job, type Selection, sendAll } from '../job.ts'
import { importDataset, writeDataset } from './datasets.ts'
import { countExamples, countRuns, listSelected, pageSize, readAll, readPages } from './lists.ts'
import { multipartBody } from './multipart.ts'
import { feedbackPart, importRuns } from './runs.ts'
import { importComparisons, importSession, isSetAside, listComparisons } from './sessions.ts'

/** So many sessions are read at once. The limit of LangSmith is on all of them together. */
const sessionsAtOnce = 3

/** LangSmith's API, of the vendor's server or of another Runmill. */
export const langsmithImporter: Importer = {
  async run(job) {
    const { source, target, state } = job
    const selected = await listSelected(source, job.selection)
    const datasets: Item[] = []
    for (const dataset of selected.datasets) {
      if (await importDataset(job, dataset)) datasets.push(dataset)
    }
    const ids: string[] = []
    // The oldest first: they are numbered in this order.
    for (const session of selected.sessions.toReversed()) {
      if (await importSession(job, session)) ids.unshift(required(session, 'id'))
    }
    for (const dataset of datasets) await importComparisons(job, dataset)
    await eachOf(ids, sessionsAtOnce, async (id) => importRuns(job, id))
    await eachOf(ids, sessionsAtOnce, async (id) => importFeedback(job, id))
    for (const dataset of datasets) {
      await writeDataset(target, dataset, { hasBaseline: true })
    }
    // Last, because rules that came later than some of the feedback would refuse it.
    if (state.placeOf('feedback configs') !== null) {
      const configs = await readAll(source, '/api/v1/feedback-configs')
      for (const config of configs) await writeConfig(target, config)
      await state.advance('feedback configs', null, { 'feedback configs': configs.length })
    }
  },

  async count(api, { selection, latest }) {
    const { datasets, sessions } = await listSelected(api, selection)
    const counts = {
      datasets: datasets.length,
      versions: 0,
      examples: 0,
      'projects and experiments': sessions.filter((session) => !isSetAside(session)).length,
      comparisons: 0,
      runs: 0,
      feedback: 0,
      'feedback configs': (await readAll(api, '/api/v1/feedback-configs')).length,
    }
    for (const dataset of datasets) {
      const id = required(dataset, 'id')
      counts.versions += (await readAll(api, `/api/v1/datasets/${id}/versions`)).length
      counts.examples += await countExamples(api, id)
      counts.comparisons += (await listComparisons(api, id)).length
    }
    for (const session of sessions) {
      const id = required(session, 'id')
      counts.runs += await countRuns(api, id, selection)
      for await (const items of readFeedback(api, { id, selection, latest })) {
        counts.feedback += items.items.length
      }
    }
    return counts
  },

  estimate({ versions = 0, examples = 0, runs = 0, feedback = 0, ...counts }) {
    const sessions = counts['projects and experiments'] ?? 0
    const queries = sessions + Math.ceil(runs / pageSize)
    const others = 2 * versions + Math.ceil((examples + feedback) / pageSize) + 3 * sessions
    const seconds = Math.max(queries / 1.5, (queries + others) / requestsPerSecond)
    return `${hours(seconds)}: ${queries} requests for runs, of which LangSmith takes 15 in 10 s, and ${others} others`
  },
}

interface FeedbackOf {
  id: string
  selection: Selection
  latest: string
  offset?: number
}

/** Feedback of a session. It is selected by its own time. */
function readFeedback(api: Api, { id, selection, latest, offset = 0 }: FeedbackOf) {
  const query = {
    session: id,
    ...(selection.since === null ? {} : { min_created_at: selection.since }),
    max_created_at: selection.until ?? latest,
  }
  return readPages(api, '/api/v1/feedback', query, offset)
}

async function importFeedback(job: Job, id: string): Promise<void> {
  const { source, selection, state } = job
  const unit = `feedback/${id}`
  const place = state.placeOf(unit)
  const lengthOf = ({ json }: Item): number => json.length
  if (place === null) return
  const pages = readFeedback(source, {
    id,
    selection,
    latest: state.startedAt,
    offset: Number(place),
  })
  for await (const { items, next } of pages) {
    await sendAll(job, items, lengthOf, async (part) => {
      const body = multipartBody(part.map(feedbackPart), applied)
      await job.target.text('POST', '/api/v1/runs/multipart', body)
    })
    const isLast = items.length < pageSize
    await state.advance(unit, isLast ? null : String(next), { feedback: items.length })
    job.tell()
  }
}

async function writeConfig(target: Api, config: Item): Promise<void> {
  const given = (config.value('feedback_config') ?? {}) as GivenConfig
  await post(target, '/api/runmill/import/feedback-configs', {
    key: required(config, 'feedback_key'),
    config: {
      type: given.type,
      min: given.min ?? null,
      max: given.max ?? null,
      categories: given.categories?.map(({ value, label = null }) => ({ value, label })) ?? null,
      ...(given.allows_multiple_categories === true ? { allows_multiple_categories: true } : {}),
    },
    is_lower_score_better: config.raw('is_lower_score_better'),
    is_enforced: config.raw('is_enforced'),
    updated_at: required(config, 'modified_at'),
  })
}

interface GivenConfig {
  type: string
  min?: number | null
  max?: number | null
  categories?: { value: number; label?: string | null }[] | null
  allows_multiple_categories?: boolean
}
