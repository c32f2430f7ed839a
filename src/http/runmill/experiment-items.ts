import { z } from 'zod'
import { RawJson } from '../../domain/json.ts'
import {
  comparedExampleList,
  type ExampleOrder,
} from '../../store/read/compare/compared-examples.ts'
import { comparedExperimentList } from '../../store/read/compare/compared-experiments.ts'
import {
  examplePreviewList,
  executionPreviewList,
} from '../../store/read/experiments/item-previews.ts'
import { raw, timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import type { App, Services } from '../services.ts'
import { experimentAnswer, experimentFromRow } from './compare-answer.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { RunmillError } from './errors.ts'

/** An experiment that has executed nothing: compared with it, every example is only in the candidate. */
const nothing = '00000000-0000-0000-0000-000000000000'

/** Of a page, so many executions have a preview. */
const previewedExecutions = 2000

const place = z.tuple([
  z.guid(),
  z
    .string()
    .regex(/^-?\d{1,400}(?:\.\d{1,1000})?$/)
    .nullable(),
  z.iso.datetime({ offset: true }),
])

const itemAnswer = z.object({
  example_id: uuidAnswer,
  created_at: timeAnswer,
  inputs_preview: z.string().nullable(),
  reference_preview: z.string().nullable(),
  runs: raw(
    z.array(
      z.object({
        id: uuidAnswer,
        run_id: uuidAnswer.nullable(),
        trace_id: uuidAnswer.nullable(),
        status: z.string(),
        latency: z.number().nullable(),
        tokens: z.number().nullable(),
        cost: z.number().nullable(),
      }),
    ),
  ),
  previews: z
    .array(
      z.object({ id: uuidAnswer, outputs: z.string().nullable(), error: z.string().nullable() }),
    )
    .describe('The beginning of what each of the runs gave, by its id'),
  measures: raw(z.record(z.string(), z.object({ a: z.null(), b: z.number().nullable() }))).describe(
    '`b`: the mean over the runs',
  ),
})

/** `GET /api/runmill/experiments/{id}/items`: the examples of one experiment, with what it made of them. */
export function getExperimentsIdItems(app: App, { db }: Services): void {
  app.get(
    '/experiments/:id/items',
    {
      schema: {
        tags: ['runmill'],
        summary: 'List the examples of an experiment with what it made of them',
        params: z.object({ id: z.guid().toLowerCase() }),
        querystring: z.object({
          sort: z
            .string()
            .min(1)
            .max(500)
            .optional()
            .describe('A measure; without it, the newest examples come first'),
          order: z.enum(['asc', 'desc']).default('asc'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: z.string().max(4000).optional(),
        }),
        response: {
          200: z.object({
            experiment: experimentAnswer,
            items: z.array(itemAnswer),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { id } = request.params
      const { sort, order, limit, cursor } = request.query
      const [experiment] = await comparedExperimentList(db, tenantId, { id }, 1)
      if (experiment === undefined)
        throw new RunmillError(404, 'There is no such experiment on a dataset')
      const by: ExampleOrder = {
        key: sort ?? null,
        by: sort === undefined ? 'created' : 'candidate',
        isDescending: order === 'desc',
        changes: null,
        tolerance: 0,
      }
      const [afterId, rank, createdAt] = cursor === undefined ? [] : readCursor(place, cursor)
      const after =
        afterId === undefined || createdAt === undefined
          ? null
          : { id: afterId, rank: rank ?? null, createdAt }
      const found = await comparedExampleList(
        db,
        { tenantId, baselineId: nothing, candidateId: id },
        by,
        { after, limit: limit + 1, hasBodies: false },
      )
      const shown = found.slice(0, limit)
      const last = found.length > limit ? shown.at(-1) : undefined
      const ids = shown.map((row) => row.id)
      const [examples, executions] = await Promise.all([
        examplePreviewList(db, tenantId, ids),
        executionPreviewList(db, tenantId, id, ids, previewedExecutions),
      ])
      const exampleOf = new Map(examples.map((each) => [each.id, each]))
      return {
        experiment: experimentFromRow(experiment),
        items: shown.map((row) => ({
          example_id: row.id,
          created_at: row.createdAt,
          inputs_preview: exampleOf.get(row.id)?.inputs ?? null,
          reference_preview: exampleOf.get(row.id)?.reference ?? null,
          runs: new RawJson(row.candidateRuns),
          previews: executions
            .filter(({ exampleId }) => exampleId === row.id)
            .map(({ id, outputs, error }) => ({ id, outputs, error: error && plainText(error) })),
          measures: new RawJson(row.measures),
        })),
        next_cursor: last === undefined ? null : writeCursor([last.id, last.rank, last.createdAt]),
      }
    },
  )
}

/** An error is mostly a JSON string, of which this may be the beginning only. */
function plainText(beginning: string): string {
  if (!beginning.startsWith('"')) return beginning
  try {
    return String(JSON.parse(beginning))
  } catch {
    return beginning.slice(1)
  }
}
