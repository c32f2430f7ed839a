import { z } from 'zod'
import { comparativeExperimentDelete } from '../../../store/write/comparative-experiments.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Delete a comparison of experiments with its feedback',
  params: z.object({ comparative_experiment_id: uuid }),
  response: { 200: messageAnswer },
}

/** Deletes a comparison and the feedback that belongs to it. Experiments, runs and all other feedback stay. */
export function deleteDatasetsComparativeId(app: App, { db, clock }: Services): void {
  app.delete(
    '/datasets/comparative/:comparative_experiment_id',
    { schema },
    async ({ principal, params }) => {
      const isDeleted = await comparativeExperimentDelete(
        db,
        principal.tenantId,
        params.comparative_experiment_id,
        clock.now(),
      )
      if (!isDeleted) throw notFound('Comparative experiment')
      return { message: 'Comparative experiment deleted' }
    },
  )
}
