import { z } from 'zod'
import { comparisonDeltaList } from '../../../store/read/comparison/comparison-delta.ts'
import { experimentListCompared } from '../../../store/read/comparison/comparison.ts'
import { feedbackConfigFind } from '../../../store/read/feedback/feedback-configs.ts'
import { uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { parseSessionFilters, sessionFilters } from './comparison-filters.ts'
import { notFound } from '../errors.ts'
import { text, uuid } from '../schemas.ts'

const delta = z.object({
  improved_examples: z.array(uuidAnswer),
  regressed_examples: z.array(uuidAnswer),
})

type Delta = z.output<typeof delta>

const schema = {
  tags: ['datasets'],
  summary: 'Find examples that improved or regressed against a baseline',
  params: z.object({ dataset_id: uuid }),
  body: z.object({
    baseline_session_id: uuid,
    comparison_session_ids: z.array(uuid).max(100),
    feedback_key: text,
    filters: sessionFilters.nullish(),
    offset: z.int().min(0).default(0),
    limit: z.int().min(1).max(100).default(100),
    comparative_experiment_id: uuid.nullish(),
  }),
  response: { 200: z.object({ feedback_deltas: z.record(z.string(), delta) }) },
}

/**
 * `POST /datasets/{dataset_id}/runs/delta` (contracts/langsmith.md 2.2): compares the mean score of each example with
 * the baseline's. The config of the feedback key says which direction is better. Offset and limit apply to each list by
 * itself. Every requested session has an entry, which is empty when the session is unknown or of another dataset.
 */
export function postDatasetsIdRunsDelta(app: App, { db }: Services): void {
  app.post(
    '/datasets/:dataset_id/runs/delta',
    { schema, config: { scope: 'read' } },
    async (request) => {
      const { tenantId } = request.principal
      const { dataset_id: datasetId } = request.params
      const asked = request.body
      const { baseline_session_id: baselineId } = asked
      const filters = parseSessionFilters(asked.filters)
      const found = await experimentListCompared(db, tenantId, datasetId, [
        baselineId,
        ...asked.comparison_session_ids,
      ])
      if (found === null) throw notFound('Dataset')
      const existing = new Set(found.map((experiment) => experiment.id))
      const config = await feedbackConfigFind(db, tenantId, asked.feedback_key)
      const deltas = new Map(
        asked.comparison_session_ids.map((id): [string, Delta] => [
          id,
          { improved_examples: [], regressed_examples: [] },
        ]),
      )
      const query = {
        tenantId,
        datasetId,
        baselineId,
        comparedIds: [...deltas.keys()].filter((id) => existing.has(id) && id !== baselineId),
        feedbackKey: asked.feedback_key,
        isLowerScoreBetter: config?.isLowerScoreBetter ?? false,
        filters: new Map([...filters].filter(([id]) => existing.has(id))),
        comparativeExperimentId: asked.comparative_experiment_id ?? null,
      }
      const rows = existing.has(baselineId) ? await comparisonDeltaList(db, query, asked) : []
      for (const { experimentId, isImproved, exampleIds } of rows) {
        const delta = deltas.get(experimentId)
        if (delta !== undefined) {
          delta[isImproved ? 'improved_examples' : 'regressed_examples'] = exampleIds
        }
      }
      return { feedback_deltas: Object.fromEntries(deltas) }
    },
  )
}
