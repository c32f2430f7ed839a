import { z } from 'zod'
import { RawJson } from '../../domain/raw-json.ts'
import { datasetFind, datasetListCountedAfter } from '../../store/read/datasets/datasets.ts'
import {
  experimentListNewest,
  experimentListSummarised,
} from '../../store/read/experiments/experiment-summaries.ts'
import { experimentAggregateFreshen } from '../../store/write/aggregates/fresh-aggregates.ts'
import { anyAnswer, raw, timeAnswer, uuidAnswer, wholeAnswer } from '../answer-schemas.ts'
import type { App, Services } from '../services.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { RunmillError } from './errors.ts'

const tags = ['runmill']

const page = {
  limit: z.coerce.number().int().min(1).max(100).default(25),
  cursor: z.string().max(4000).optional().describe('Of the page before'),
}

const datasetAnswer = z.object({
  id: uuidAnswer,
  name: z.string(),
  description: z.string().nullable(),
  created_at: timeAnswer,
  examples: z.int(),
  experiments: z.int(),
  last_experiment_at: timeAnswer.nullable(),
})

const experimentAnswer = z.object({
  id: uuidAnswer,
  name: z.string(),
  description: z.string().nullable(),
  metadata: anyAnswer,
  created_at: timeAnswer,
  ended_at: timeAnswer.nullable(),
  last_activity_at: timeAnswer.nullable(),
  executions: z.int(),
  errors: z.int(),
  latency_p50: z.number().nullable(),
  latency_p99: z.number().nullable(),
  tokens: wholeAnswer.nullable(),
  cost: z.number().nullable(),
  scores: raw(
    z.record(
      z.string(),
      z.object({
        n: z.int(),
        avg: z.number().nullable(),
        values: z.record(z.string(), z.int()).describe('How often each category was given'),
      }),
    ),
  ).describe('Of each key, over the executions: how many, and their average'),
})

const datasetPlace = z.tuple([z.guid(), z.iso.datetime({ offset: true }), z.string().nullable()])
const experimentPlace = z.tuple([z.guid(), z.iso.datetime({ offset: true })])

/** Datasets, and the experiments on one of them, newest first. */
export function datasetRoutes(app: App, { db, clock }: Services): void {
  app.get(
    '/datasets',
    {
      schema: {
        tags,
        summary: 'List datasets, those with the newest experiments first',
        querystring: z.object({
          ...page,
          name: z.string().max(1000).optional().describe('A part of the name'),
        }),
        response: {
          200: z.object({
            datasets: z.array(datasetAnswer),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { limit, cursor, name } = request.query
      const [id, createdAt, value] = cursor === undefined ? [] : readCursor(datasetPlace, cursor)
      const { rows, next } = await datasetListCountedAfter(
        db,
        {
          tenantId,
          sort: 'last_session_start_time',
          limit,
          ...(name === undefined || name === '' ? {} : { filter: { nameContains: name } }),
        },
        id === undefined || createdAt === undefined
          ? null
          : { id, createdAt, value: value ?? null },
      )
      return {
        datasets: rows.map((row) => ({
          id: row.id,
          name: row.name,
          description: row.description,
          created_at: row.createdAt,
          examples: row.exampleCount,
          experiments: row.sessionCount,
          last_experiment_at: row.lastSessionStartTime,
        })),
        next_cursor: next === null ? null : writeCursor([next.id, next.createdAt, next.value]),
      }
    },
  )

  app.get(
    '/datasets/:id/experiments',
    {
      schema: {
        tags,
        summary: 'List the experiments on a dataset, newest first, with their statistics',
        params: z.object({ id: z.guid().toLowerCase() }),
        querystring: z.object(page),
        response: {
          200: z.object({
            dataset: z.object({
              id: uuidAnswer,
              name: z.string(),
              description: z.string().nullable(),
            }),
            now: timeAnswer.describe('By the clock of the server'),
            experiments: z.array(experimentAnswer),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const { limit, cursor } = request.query
      const dataset = await datasetFind(db, tenantId, request.params.id)
      if (dataset === null) throw new RunmillError(404, 'There is no such dataset')
      const [id, createdAt] = cursor === undefined ? [] : readCursor(experimentPlace, cursor)
      const after = id === undefined || createdAt === undefined ? null : { id, createdAt }
      const found = await experimentListNewest(db, tenantId, dataset.id, after, limit + 1)
      const shown = found.slice(0, limit)
      await experimentAggregateFreshen(db, tenantId, shown)
      const rows = await experimentListSummarised(db, tenantId, shown)
      const last = found.length > limit ? rows.at(-1) : undefined
      return {
        dataset: { id: dataset.id, name: dataset.name, description: dataset.description },
        now: clock.now(),
        experiments: rows.map((row) => ({
          id: row.id,
          name: row.name,
          description: row.description,
          metadata: new RawJson(row.metadata),
          created_at: row.createdAt,
          ended_at: row.endTime,
          last_activity_at: row.lastActivity,
          executions: row.executions,
          errors: row.errors,
          latency_p50: row.latencyP50,
          latency_p99: row.latencyP99,
          tokens: row.totalTokens,
          cost: row.totalCost === null ? null : Number(row.totalCost),
          scores: new RawJson(row.scores),
        })),
        next_cursor: last === undefined ? null : writeCursor([last.id, last.createdAt]),
      }
    },
  )
}
