import { z } from 'zod'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { findDatasetRun } from './find-dataset-run.ts'
import { text } from '../requests.ts'

/**
 * The run and its items are gone at once; the same name makes a new run with another id. Traces and scores are kept
 * (contracts/langfuse.md 2.4), but for those of an experiment of LangSmith's clients: its traces are nowhere but in it.
 */
export function deleteDatasetsNameRunsRunName(app: App, services: Services): void {
  const { db, clock } = services
  const path = '/datasets/:name/runs/:runName'
  const schema = {
    params: z.object({ name: text, runName: text }),
    tags: ['langfuse dataset runs'],
    summary: 'Delete a dataset run',
  }
  app.delete(path, { schema }, async ({ principal: { tenantId }, params }) => {
    const { run } = await findDatasetRun(db, tenantId, params.name, params.runName)
    const deleted = await experimentDeleteMany(db, tenantId, [run.id], clock.now(), {
      keepsScores: true,
    })
    if (deleted.length === 0) throw notFound('Dataset run not found')
    await nudgePurge(services, tenantId, deleted)
    return { message: 'Dataset run successfully deleted' }
  })
}
