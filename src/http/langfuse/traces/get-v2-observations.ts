import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { parseTimestamp } from '../../../domain/timestamp.ts'
import {
  observationList,
  type ObservationKey,
  type ObservationRow,
} from '../../../store/read/runs/observations.ts'
import type { App, Services } from '../../services.ts'
import { invalidData, invalidRequest } from '../errors.ts'
import type { LangfuseCondition } from '../filter-condition.ts'
import { equals } from '../filter.ts'
import { observationV2Answer } from './observation-answer.ts'
import {
  observationGroupsOf,
  observationColumnsOf,
  observationV2FromRow,
} from './observation-from-row.ts'
import { observationFilters, observationQuery } from './observation-query.ts'
import { cursorPageOf, numberOf, text, textList } from '../requests.ts'

const flag = z
  .enum(['true', 'false'])
  .optional()
  .transform((value) => (value === undefined ? undefined : value === 'true'))

const querystring = z.object({
  limit: numberOf(z.number().int().min(0).max(1000), 50),
  cursor: z.string().optional(),
  fields: textList.optional(),
  expandMetadata: textList.optional(),
  parseIoAsJson: flag,
  sessionId: text.optional(),
  isRootObservation: flag,
  ...observationQuery,
})

/**
 * Lists runs of every dialect as observations, newest first, with cursors and groups of fields
 * (contracts/langfuse.md 2.10).
 */
export function getV2Observations(app: App, { db }: Services): void {
  const schema = {
    querystring,
    response: { 200: cursorPageOf(observationV2Answer) },
    tags: ['langfuse observations'],
    summary: 'List observations',
  }
  const config = { emptyParameters: ['parentObservationId'] }
  app.get('/v2/observations', { schema, config }, async ({ principal: { tenantId }, query }) => {
    if (query.parseIoAsJson === true) {
      const message = 'parseIoAsJson is not supported: input and output are raw strings'
      throw invalidData(['parseIoAsJson'], message)
    }
    const { limit } = query
    const after = query.cursor ? readCursor(query.cursor) : null
    if (limit === 0) return { data: [], meta: {} }
    const filter = await observationFilters(db, tenantId, query, simpleOf(query))
    const asked = observationGroupsOf(query.fields)
    // One row more than is shown tells whether there is another page.
    const place = { after, limit: limit + 1 }
    const rows = await observationList(db, tenantId, filter, place, observationColumnsOf(asked))
    const shown = rows.slice(0, limit)
    const expanded = query.expandMetadata ?? []
    return {
      data: shown.map((row) => observationV2FromRow(tenantId, row, asked, expanded)),
      meta: rows.length > limit ? { cursor: cursorOf(shown.at(-1)!) } : {},
    }
  })
}

function simpleOf(query: z.output<typeof querystring>): LangfuseCondition[] {
  const { isRootObservation, parentObservationId, sessionId } = query
  const conditions = equals('sessionId', sessionId)
  if (isRootObservation !== undefined) {
    conditions.push({
      type: 'boolean',
      column: 'isRootObservation',
      operator: '=',
      value: isRootObservation,
    })
  }
  // In v2, unlike v1, an empty parent selects the observations without one.
  if (parentObservationId === '') {
    conditions.push({ type: 'null', column: 'parentObservationId', operator: 'is null' })
  }
  return conditions
}

/** The cursor holds Runmill's own ids, because clients' ids may be too long for a URL. */
function cursorOf(row: ObservationRow): string {
  const key = { lastStartTimeTo: row.startTime, lastTraceId: row.traceId, lastId: row.id }
  return Buffer.from(JSON.stringify(key)).toString('base64')
}

const cursor = z.object({ lastStartTimeTo: z.string(), lastId: z.string() })

/** @throws LangfuseError 400 */
function readCursor(sent: string): ObservationKey {
  const { data } = cursor.safeParse(parse(Buffer.from(sent, 'base64').toString('utf8')))
  const startTime = data === undefined ? null : parseTimestamp(data.lastStartTimeTo)
  if (data === undefined || startTime === null) throw invalidRequest('Invalid cursor format')
  return { startTime, id: resolveId('run', data.lastId).id }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
