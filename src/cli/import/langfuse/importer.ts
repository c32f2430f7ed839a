import { type Api, post } from '../api.ts'
import { hours, requestsPerSecond } from '../hours.ts'
import { required, type Item } from '../item.ts'
import type { Importer, Job } from '../job.ts'
import type { Counts } from '../state.ts'
import { importDataset, importRuns } from './datasets.ts'
import {
  boundsOf,
  countOf,
  listDatasets,
  pageSize,
  readPages,
  readRunItems,
  readRuns,
  tracedLists,
} from './lists.ts'
import { countEventsOnly, importEventsOnly, isEventsOnly } from './events-only.ts'
import { importScores, importTrace, importTraced, tracePath } from './traced.ts'

/** Langfuse's API, of the vendor's server or of another Runmill. */
export const langfuseImporter: Importer = {
  async run(job) {
    const { source, target, state, selection } = job
    if (state.placeOf('score configs') !== null) {
      let count = 0
      for await (const configs of readPages(source, '/score-configs')) {
        for (const config of configs) await writeConfig(target, config)
        count += configs.length
      }
      await state.advance('score configs', null, { 'score configs': count })
    }
    const datasets: Item[] = []
    for (const dataset of await listDatasets(source, selection)) {
      if (await importDataset(job, dataset)) datasets.push(dataset)
    }
    if (await isEventsOnly(source)) {
      await importEventsOnly(job, datasets)
      return
    }
    for (const dataset of datasets) await importRuns(job, dataset)
    if (selection.datasets.length === 0) {
      for (const list of tracedLists) await importTraced(job, list)
    } else {
      for (const dataset of datasets) await importLinked(job, dataset)
    }
  },

  async count(api, { source, selection, latest }) {
    const datasets = await listDatasets(api, selection)
    const counts: Counts = {
      datasets: datasets.length,
      items: 0,
      runs: 0,
      'run items': 0,
      traces: 0,
      observations: 0,
      scores: 0,
      'score configs': await countOf(api, '/score-configs'),
    }
    const add = (kind: string, count: number): void => {
      counts[kind] = counts[kind]! + count
    }
    for (const dataset of datasets) {
      add('items', await countOf(api, '/dataset-items', { datasetName: required(dataset, 'name') }))
    }
    // The target is counted by the lists that the source has.
    if (await isEventsOnly(source)) {
      const { traces: _, ...rest } = counts
      return { ...rest, ...(await countEventsOnly(api, datasets, selection, latest)) }
    }
    const isLinked = selection.datasets.length > 0
    for (const dataset of datasets) {
      for await (const runs of readRuns(api, dataset)) {
        add('runs', runs.length)
        for (const run of runs) {
          const query = { datasetId: required(run, 'datasetId'), runName: required(run, 'name') }
          add('run items', await countOf(api, '/dataset-run-items', query))
          if (isLinked) add('scores', await countOf(api, '/v2/scores', scoresOf(run)))
        }
      }
    }
    if (!isLinked) {
      for (const list of tracedLists) {
        add(list.kind, await countOf(api, list.path, boundsOf(list, selection, latest)))
      }
      return counts
    }
    for await (const id of linkedTraces(api, datasets)) {
      const trace = await api.find(tracePath(id))
      if (trace === null) continue
      add('traces', 1)
      add('observations', trace.items('observations').length)
      add('scores', await countOf(api, '/v2/scores', { traceId: id }))
    }
    return counts
  },

  estimate(counts) {
    const { items = 0, runs = 0, traces = 0, observations = 0, scores = 0 } = counts
    const linked = Math.ceil((counts['run items'] ?? 0) / pageSize) + runs
    // Each version of a dataset is asked for by itself, and most items have one.
    const ofDatasets = items + Math.ceil(items / pageSize) + linked
    const traced = [traces, observations, scores].map((count) => Math.ceil(count / pageSize))
    const pages = traced.reduce((sum, count) => sum + count, 0)
    const free = (ofDatasets + pages) / requestsPerSecond
    const limited = Math.max(ofDatasets / (100 / 60), pages / (15 / 60))
    return `${hours(free)} where no limit is set, ${hours(limited)} by those of Langfuse Cloud's smallest plan: ${ofDatasets} requests for datasets, of which it takes 100 a minute, and ${pages} for traces, of which it takes 15`
  },
}

async function writeConfig(target: Api, config: Item): Promise<void> {
  await post(target, '/api/runmill/import/score-configs', {
    id: required(config, 'id'),
    name: required(config, 'name'),
    data_type: required(config, 'dataType'),
    is_archived: config.value('isArchived') === true,
    description: config.raw('description'),
    min_value: config.raw('minValue'),
    max_value: config.raw('maxValue'),
    categories: config.raw('categories'),
    created_at: required(config, 'createdAt'),
    updated_at: required(config, 'updatedAt'),
  })
}

/** Imports the traces that the runs of a dataset link, with their scores and those of the runs. */
async function importLinked(job: Job, dataset: Item): Promise<void> {
  for await (const id of linkedTraces(job.source, [dataset])) await importTrace(job, id)
  for await (const runs of readRuns(job.source, dataset)) {
    for (const run of runs) {
      const unit = `scores/${required(run, 'id')}`
      if (job.state.placeOf(unit) === null) continue
      await job.state.advance(unit, null, { scores: await importScores(job, scoresOf(run)) })
    }
  }
}

function scoresOf(run: Item): { datasetRunId: string } {
  return { datasetRunId: required(run, 'id') }
}

/** The ids of the traces that the runs of datasets link, each once for a dataset's run. */
async function* linkedTraces(api: Api, datasets: readonly Item[]): AsyncGenerator<string> {
  const seen = new Set<string>()
  for (const dataset of datasets) {
    for await (const runs of readRuns(api, dataset)) {
      for (const run of runs) {
        for await (const items of readRunItems(api, run)) {
          for (const item of items) {
            const id = required(item, 'traceId')
            if (!seen.has(id)) yield id
            seen.add(id)
          }
        }
      }
    }
  }
}
