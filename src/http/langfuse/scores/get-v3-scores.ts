import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { parseTimestamp } from '../../../domain/timestamp.ts'
import { scoreList, type ScoreQuery, type ScoreRow } from '../../../store/read/feedback/scores.ts'
import type { App, Services } from '../../services.ts'
import { invalidData, invalidRequest } from '../errors.ts'
import { lenientDate, page, textList } from '../requests.ts'
import { scoreDataTypes } from '../ingest/score-body.ts'
import {
  scoreFieldGroups,
  scoreSources,
  scoreV3Answer,
  scoreV3FromRow,
  sourceTypesOf,
} from './score-from-row.ts'
import { idsOf, unlessEmpty } from './score-query.ts'

/** Query: words of a fixed set. @param fold brings a word into the case of the set */
function words<T extends string>(known: readonly [T, ...T[]], fold: (word: string) => string) {
  return textList.transform((given) => given.map(fold)).pipe(z.array(z.enum(known)))
}

const upper = (word: string) => word.toUpperCase()

/** Unknown parameters are refused: ignoring a condition would answer more scores than were asked for. */
const querystring = z.strictObject({
  limit: page.limit,
  cursor: z.string().optional(),
  fields: words(scoreFieldGroups, (word) => word).optional(),
  id: textList.optional(),
  name: textList.optional(),
  source: words(scoreSources, upper).optional(),
  dataType: words(scoreDataTypes, upper).optional(),
  environment: textList.optional(),
  configId: textList.optional(),
  queueId: textList.optional(),
  authorUserId: textList.optional(),
  traceId: textList.optional(),
  sessionId: textList.optional(),
  observationId: textList.optional(),
  experimentId: textList.optional(),
  value: textList.optional(),
  valueMin: z.coerce.number().optional(),
  valueMax: z.coerce.number().optional(),
  fromTimestamp: lenientDate.optional(),
  toTimestamp: lenientDate.optional(),
})

const answer = z.object({
  data: z.array(scoreV3Answer),
  meta: z.object({ limit: z.int(), cursor: z.string().optional() }),
})

type Query = z.output<typeof querystring>

/** Lists scores of every kind, newest first, in pages with cursors (contracts/langfuse.md 2.6.3). */
export function getV3Scores(app: App, { db }: Services): void {
  const schema = {
    querystring,
    response: { 200: answer },
    tags: ['langfuse scores'],
    summary: 'List scores (v3)',
  }
  app.get('/v3/scores', { schema }, async ({ principal: { tenantId }, query }) => {
    const { limit } = query
    const asked = scoreQueryOf(query)
    // Runmill has no user accounts, so no score has an author.
    const rows =
      unlessEmpty(query.authorUserId) === undefined
        ? await scoreList(db, tenantId, asked, { limit: limit + 1, offset: 0 })
        : []
    const shown = rows.slice(0, limit)
    const cursor = rows.length > limit ? { cursor: cursorOf(shown.at(-1)!) } : {}
    return {
      data: shown.map((row) => scoreV3FromRow(tenantId, row, query.fields ?? [])),
      meta: { limit, ...cursor },
    }
  })
}

/** @throws LangfuseError 400 */
function scoreQueryOf(query: Query): ScoreQuery {
  const traceIds = idsOf('trace', query.traceId)
  const runIds = idsOf('run', query.observationId)
  const threadIds = unlessEmpty(query.sessionId)
  const experimentIds = idsOf('experiment', query.experimentId)
  if (runIds !== undefined && traceIds === undefined) {
    throw invalidData(['observationId'], 'observationId requires traceId')
  }
  if ([traceIds, threadIds, experimentIds].filter(Boolean).length > 1) {
    const subjects = ['traceId', 'sessionId', 'experimentId']
    throw invalidData(subjects, 'traceId, sessionId and experimentId are mutually exclusive')
  }
  return {
    ids: idsOf('feedback', query.id),
    names: unlessEmpty(query.name),
    sourceTypes: query.source?.length ? sourceTypesOf(query.source) : undefined,
    dataTypes: unlessEmpty(query.dataType),
    environments: unlessEmpty(query.environment),
    configIds: unlessEmpty(query.configId),
    queueIds: unlessEmpty(query.queueId),
    traceIds,
    runIds,
    threadIds,
    experimentIds,
    from: query.fromTimestamp,
    to: query.toTimestamp,
    ...valueConditions(query),
    after: query.cursor ? readCursor(query.cursor) : undefined,
  }
}

/** What a value means depends on the type, so a condition on values must name the type. @throws LangfuseError 400 */
function valueConditions(query: Query): Pick<ScoreQuery, 'numbers' | 'anyNumber' | 'labels'> {
  const [dataType, ...others] = query.dataType ?? []
  const isSingle = others.length === 0
  const { valueMin, valueMax } = query
  const values = unlessEmpty(query.value)
  const conditions: Pick<ScoreQuery, 'numbers' | 'anyNumber' | 'labels'> = {}
  if (valueMin !== undefined || valueMax !== undefined) {
    if (!isSingle || dataType !== 'NUMERIC') {
      throw invalidData(['dataType'], 'valueMin and valueMax require dataType=NUMERIC')
    }
    conditions.numbers = [
      ...(valueMin === undefined ? [] : [{ operator: '>=' as const, value: valueMin }]),
      ...(valueMax === undefined ? [] : [{ operator: '<=' as const, value: valueMax }]),
    ]
  }
  if (values === undefined) return conditions
  if (isSingle && dataType === 'CATEGORICAL') return { ...conditions, labels: values }
  if (isSingle && dataType === 'BOOLEAN') {
    if (!values.every((value) => value === 'true' || value === 'false')) {
      throw invalidData(['value'], 'value of BOOLEAN scores must be true or false')
    }
    return { ...conditions, anyNumber: values.map((value) => (value === 'true' ? 1 : 0)) }
  }
  if (!isSingle || dataType !== 'NUMERIC') {
    const message = 'value requires a single dataType of NUMERIC, BOOLEAN or CATEGORICAL'
    throw invalidData(['dataType'], message)
  }
  const numbers = values.map(Number)
  if (!numbers.every(Number.isFinite)) {
    throw invalidData(['value'], 'value of NUMERIC scores must be a number')
  }
  return { ...conditions, anyNumber: numbers }
}

const cursorContent = z.object({ v: z.literal(1), lastTimestamp: z.string(), lastId: z.string() })

function cursorOf({ timestamp, id }: ScoreRow): string {
  const content = JSON.stringify({ v: 1, lastTimestamp: timestamp, lastId: id })
  return Buffer.from(content).toString('base64url')
}

/** @throws LangfuseError 400 */
function readCursor(cursor: string): { timestamp: string; id: string } {
  const content = cursorContent.safeParse(parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  const timestamp = content.success ? parseTimestamp(content.data.lastTimestamp) : null
  if (!content.success || timestamp === null || !isUuid(content.data.lastId)) {
    throw invalidRequest('Invalid cursor format')
  }
  return { timestamp, id: content.data.lastId }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
