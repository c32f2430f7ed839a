import { z } from 'zod'
import { readAttachments } from '../../domain/attachments.ts'
import type { Filter } from '../../domain/filter.ts'
import { resolveId } from '../../domain/ids.ts'
import { exampleFind } from '../../store/read/datasets/example.ts'
import { experimentList } from '../../store/read/experiments/experiments.ts'
import { feedbackList } from '../../store/read/feedback/feedback.ts'
import { runList } from '../../store/read/runs/run-list.ts'
import { runFind } from '../../store/read/runs/runs.ts'
import { anyAnswer, uuidAnswer } from '../answer-schemas.ts'
import { blobUrl } from '../blobs.ts'
import { FilterSyntaxError, parseRunFilter } from '../filter/filter-parse.ts'
import type { App, Services } from '../services.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { RunmillError } from './errors.ts'
import {
  errorTextOf,
  payloadOf,
  scoreAnswer,
  scoreFromRow,
  shortRunAnswer,
  shortRunFromRow,
} from './run-answer.ts'

const tags = ['runmill']

const place = z.tuple([z.iso.datetime({ offset: true }), z.guid()])

const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

/** Of a run, so many scores are shown. */
const shownScores = 200

/** `GET /api/runmill/runs`: short rows. Its first page, asked for again and again, is a live tail. */
export function getRuns(app: App, { db }: Services): void {
  app.get(
    '/runs',
    {
      schema: {
        tags,
        summary: 'List runs, newest first',
        querystring: z.object({
          experiment_id: z.guid().toLowerCase().optional().describe('An experiment or a project'),
          filter: z
            .string()
            .max(20_000)
            .optional()
            .describe(
              'In LangSmith\'s language, for example `and(eq(run_type, "llm"), gt(latency, 2))`',
            ),
          roots: flag.default(true).describe('Only the root runs of traces'),
          status: z.enum(['success', 'error', 'pending']).optional(),
          order: z.enum(['asc', 'desc']).default('desc'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: z.string().max(500).optional(),
        }),
        response: {
          200: z.object({
            runs: z.array(shortRunAnswer),
            experiments: z
              .record(z.string(), z.string())
              .describe('The names of the experiments and projects of these runs, by their ids'),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { experiment_id, roots, status, order, limit, cursor } = request.query
      const [startTime, id] = cursor === undefined ? [] : readCursor(place, cursor)
      const after = startTime === undefined || id === undefined ? null : { startTime, id }
      const query = {
        tenantId,
        experimentIds: experiment_id === undefined ? undefined : [experiment_id],
        isRoot: roots ? true : undefined,
        hasError: status === 'error' ? true : undefined,
        filters: [...readFilter(request.query.filter), ...statusFilter(status)],
      }
      const page = await runList(db, query, { order, after, limit }, new Set(['error']))
      const ids = [...new Set(page.rows.map((row) => row.experimentId))]
      const named = await experimentList(db, tenantId, {
        ids,
        sortBy: 'name',
        isDescending: false,
        feedbackSource: 'run',
        offset: 0,
        limit: ids.length,
      })
      return {
        runs: page.rows.map(shortRunFromRow),
        experiments: Object.fromEntries(named.map(({ id, name }) => [id, name])),
        next_cursor: page.next && writeCursor([page.next.startTime, page.next.id]),
      }
    },
  )
}

/** `error` has an index of its own. */
function statusFilter(status: 'success' | 'error' | 'pending' | undefined): Filter[] {
  if (status === undefined || status === 'error') return []
  return [{ kind: 'condition', attribute: 'status', operator: 'eq', value: status }]
}

/** @throws RunmillError 400, which says where the filter cannot be read */
function readFilter(text: string | undefined): Filter[] {
  if (text === undefined || text.trim() === '') return []
  try {
    return [parseRunFilter(text)]
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw new RunmillError(400, `filter: ${error.message}`)
    throw error
  }
}

const fileAnswer = z.object({
  name: z.string(),
  mime_type: z.string(),
  size: z.int(),
  url: z.string().describe('Serves the bytes to anyone who has it, for a day'),
})

/** `GET /api/runmill/runs/{id}`: one run in full. */
export function getRunsId(app: App, services: Services): void {
  const { db } = services
  app.get(
    '/runs/:run_id',
    {
      schema: {
        tags,
        summary: 'Read a run in full',
        params: z.object({ run_id: z.string().min(1).max(1000) }),
        response: {
          200: shortRunAnswer.extend({
            inputs: anyAnswer,
            outputs: anyAnswer,
            events: anyAnswer,
            metadata: anyAnswer,
            serialized: anyAnswer,
            usage_details: anyAnswer,
            cost_details: anyAnswer,
            attachments: z.array(fileAnswer),
            scores: z.array(scoreAnswer),
            has_more_scores: z.boolean(),
            example: z
              .object({ id: uuidAnswer, dataset_id: uuidAnswer, reference: anyAnswer })
              .nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { id } = resolveId('run', request.params.run_id)
      const row = await runFind(db, tenantId, id)
      if (row === null) throw new RunmillError(404, 'There is no such run')
      const exampleId = row.referenceExampleId
      const [scores, example] = await Promise.all([
        feedbackList(db, tenantId, { runIds: [id], offset: 0, limit: shownScores + 1 }),
        exampleId === null ? null : exampleFind(db, tenantId, exampleId, null),
      ])
      return {
        ...shortRunFromRow(row),
        error: errorTextOf(row),
        inputs: payloadOf(row.inputs),
        outputs: payloadOf(row.outputs),
        events: payloadOf(row.events),
        metadata: payloadOf(row.metadata),
        serialized: payloadOf(row.serialized),
        usage_details: payloadOf(row.usageDetails),
        cost_details: payloadOf(row.costDetails),
        attachments: readAttachments(row.attachments).map(({ name, blobId, mimeType, size }) => ({
          name,
          mime_type: mimeType,
          size,
          url: blobUrl(services, request, { blobId, mimeType, fileName: name }),
        })),
        scores: scores.slice(0, shownScores).map(scoreFromRow),
        has_more_scores: scores.length > shownScores,
        example: example && {
          id: example.id,
          dataset_id: example.datasetId,
          reference: payloadOf(example.outputs),
        },
      }
    },
  )
}
