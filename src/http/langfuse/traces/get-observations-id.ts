import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { observationFind } from '../../../store/read/runs/observations.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { observationFromRow } from './observation-from-row.ts'

export function getObservationsId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ observationId: z.string() }),
    tags: ['langfuse observations'],
    summary: 'Get an observation',
  }
  const path = '/observations/:observationId'
  app.get(path, { schema }, async ({ principal: { tenantId }, params }) => {
    const row = await observationFind(db, tenantId, resolveId('run', params.observationId).id)
    if (row === null) throw notFound('Observation not found within authorized project')
    return observationFromRow(tenantId, row)
  })
}
