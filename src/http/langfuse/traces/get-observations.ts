import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import {
  observationCount,
  observationFind,
  observationList,
  ownColumns,
} from '../../../store/read/runs/observations.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { observationAnswer } from './observation-answer.ts'
import { observationFromRow } from './observation-from-row.ts'
import { observationFilters, observationQuery } from './observation-query.ts'
import { metaOf, page, pageOf } from '../requests.ts'

const tags = ['langfuse observations']

const listSchema = {
  querystring: z.object({ ...page, ...observationQuery }),
  response: { 200: pageOf(observationAnswer) },
  tags,
  summary: 'List observations (v1)',
}

const getSchema = {
  params: z.object({ observationId: z.string() }),
  response: { 200: observationAnswer },
  tags,
  summary: 'Get an observation',
}

/** Runs of every dialect as observations by v1; the list is newest first (contracts/langfuse.md 2.10). */
export function getObservations(app: App, { db, countedPage }: Services): void {
  app.get('/observations', { schema: listSchema }, async ({ principal: { tenantId }, query }) => {
    const filter = await observationFilters(db, tenantId, query)
    const { rows, total } = await countedPage(
      { tenantId, name: 'observations', query },
      async (place) => observationList(db, tenantId, filter, place, ownColumns),
      async () => observationCount(db, tenantId, filter),
    )
    return {
      data: rows.map((row) => observationFromRow(tenantId, row)),
      meta: metaOf(query, total),
    }
  })

  app.get('/observations/:observationId', { schema: getSchema }, async ({ principal, params }) => {
    const { tenantId } = principal
    const row = await observationFind(db, tenantId, resolveId('run', params.observationId).id)
    if (row === null) throw notFound('Observation not found within authorized project')
    return observationFromRow(tenantId, row)
  })
}
