import { z } from 'zod'
import {
  observationCount,
  observationList,
  ownParts,
} from '../../../store/read/runs/observations.ts'
import type { App, Services } from '../../services.ts'
import { observationFromRow } from './observation-from-row.ts'
import { observationFilters, observationQuery } from './observation-query.ts'
import { metaOf, offsetOf, page } from '../requests.ts'

/** Runs of all dialects as observations, newest first (contracts/langfuse.md 2.10, v1). */
export function getObservations(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object({ ...page, ...observationQuery }),
    tags: ['langfuse observations'],
    summary: 'List observations (v1)',
  }
  app.get('/observations', { schema }, async ({ principal: { tenantId }, query }) => {
    const filter = await observationFilters(db, tenantId, query)
    const place = { limit: query.limit, offset: offsetOf(query) }
    const [rows, total] = await Promise.all([
      observationList(db, tenantId, filter, place, ownParts),
      observationCount(db, tenantId, filter),
    ])
    return {
      data: rows.map((row) => observationFromRow(tenantId, row)),
      meta: metaOf(query, total),
    }
  })
}
