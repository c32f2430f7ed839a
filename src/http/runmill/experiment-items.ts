import { z } from 'zod'
import { RawJson } from '../../domain/raw-json.ts'
import {
  examplePage,
  type ExampleOrder,
  type ExamplePlace,
} from '../../domain/stats/example-page.ts'
import { idAt } from '../../domain/stats/experiment-columns.ts'
import { measurePairs } from '../../domain/stats/pairing.ts'
import type { ColumnPair, ColumnStore } from '../../store/read/compare/column-store.ts'
import { comparedExampleList } from '../../store/read/compare/compared-examples.ts'
import {
  examplePreviewList,
  executionPreviewList,
} from '../../store/read/experiments/item-previews.ts'
import { experimentAggregateFreshen } from '../../store/write/aggregates/fresh-aggregates.ts'
import { raw, timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import type { App, Services } from '../services.ts'
import { experimentFromRow } from './compare-answer.ts'
import { meansAt } from './compare-rows.ts'
import { experimentAnswer } from './compare-schemas.ts'
import { readExamplePlace, writeExamplePlace } from './cursor.ts'
import { findExperimentById } from './find-experiment.ts'

/** Of a page, so many executions have a preview. */
const previewedExecutions = 2000

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
  measures: z.record(z.string(), z.number()).describe('The means over the runs'),
})

/** `GET /api/runmill/experiments/{id}/items`: the examples of one experiment, with what it made of them. */
export function getExperimentsIdItems(app: App, { db }: Services, columns: ColumnStore): void {
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
      const experiment = await findExperimentById(db, tenantId, id)
      await experimentAggregateFreshen(db, tenantId, [id])
      const after = cursor === undefined ? null : readExamplePlace(cursor)
      let found: Found[] = []
      // An experiment beside itself: the candidate's side is what it has measured.
      await columns.compare(tenantId, experiment, [experiment], { keys: null }, async (pair) => {
        found = pageOf(pair, { sort, isDescending: order === 'desc' }, after, limit + 1)
      })
      const shown = new Map(found.slice(0, limit).map((each) => [each.place.id, each]))
      const ids = [...shown.keys()]
      const pair = { tenantId, baselineId: id, candidateIds: [id] }
      const { rows, isCut } = await comparedExampleList(db, pair, ids, false)
      const [examples, executions] = await Promise.all([
        examplePreviewList(db, tenantId, ids),
        executionPreviewList(db, tenantId, id, ids, previewedExecutions),
      ])
      const lastId = isCut ? rows.at(-1)!.id : ids.at(-1)
      const hasMore = isCut || found.length > limit
      const last = hasMore && lastId !== undefined ? shown.get(lastId)?.place : undefined
      const exampleOf = new Map(examples.map((each) => [each.id, each]))
      return {
        experiment: experimentFromRow(experiment),
        items: rows.map((row) => ({
          example_id: row.id,
          created_at: row.createdAt,
          inputs_preview: exampleOf.get(row.id)?.inputs ?? null,
          reference_preview: exampleOf.get(row.id)?.reference ?? null,
          runs: new RawJson(row.candidateRuns),
          previews: executions
            .filter(({ exampleId }) => exampleId === row.id)
            .map(({ id, outputs, error }) => ({ id, outputs, error: error && plainText(error) })),
          measures: shown.get(row.id)!.measures,
        })),
        next_cursor: last === undefined ? null : writeExamplePlace(last),
      }
    },
  )
}

interface Found {
  place: ExamplePlace
  measures: Record<string, number>
}

function pageOf(
  { candidate, pairing, facts }: ColumnPair,
  { sort, isDescending }: { sort: string | undefined; isDescending: boolean },
  after: ExamplePlace | null,
  limit: number,
): Found[] {
  const measures = measurePairs(candidate, candidate)
  const order: ExampleOrder = {
    measure: measures.find(({ key }) => key === sort) ?? null,
    by: sort === undefined ? 'created' : 'candidate',
    isDescending,
    changes: null,
    tolerance: 0,
  }
  return examplePage(pairing, facts.created, null, order, after, limit).map((each) => ({
    place: { id: idAt(pairing.ids, each.place), rank: each.rank, created: each.created },
    measures: meansAt(pairing, each.place, measures),
  }))
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
