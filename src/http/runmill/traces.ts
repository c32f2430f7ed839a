import { z } from 'zod'
import { resolveId } from '../../domain/ids.ts'
import { experimentFind } from '../../store/read/experiments/experiments.ts'
import { feedbackList } from '../../store/read/feedback/feedback.ts'
import { runFind } from '../../store/read/runs/runs.ts'
import { runList } from '../../store/read/runs/run-list.ts'
import {
  traceFind,
  traceListStored,
  type TraceColumns,
  type TraceRow,
} from '../../store/read/traces/traces.ts'
import { anyAnswer, timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import type { Db } from '../../store/pool.ts'
import type { App, Services } from '../services.ts'
import { RunmillError } from './errors.ts'
import {
  payloadOf,
  scoreAnswer,
  scoreFromRow,
  shortRunAnswer,
  shortRunFromRow,
} from './run-answer.ts'

const tags = ['runmill']

/** More than anybody looks through. Longer traces are cut, and say so. */
const shownRuns = 2000
const shownScores = 500

const params = z.object({
  trace_id: z.string().min(1).max(1000).describe('Of the trace, or of one of its runs'),
})

const noColumns: TraceColumns = {
  io: false,
  metrics: false,
  observationIds: false,
  scoreIds: false,
}

/** `GET /api/runmill/traces/{id}`: all runs of a trace, short, and its scores; and what it was given itself. */
export function traceRoutes(app: App, { db }: Services): void {
  app.get(
    '/traces/:trace_id',
    {
      schema: {
        tags,
        summary: 'Read a trace: its runs, the earliest first',
        params,
        response: {
          200: z.object({
            id: uuidAnswer,
            name: z.string().nullable(),
            experiment: z
              .object({ id: uuidAnswer, name: z.string(), dataset_id: uuidAnswer.nullable() })
              .nullable(),
            timestamp: timeAnswer,
            user_id: z.string().nullable(),
            thread_id: z.string().nullable(),
            tags: z.array(z.string()),
            environment: z.string(),
            release: z.string().nullable(),
            version: z.string().nullable(),
            cost: z.number().nullable(),
            latency: z.number().nullable().describe('Seconds'),
            runs: z.array(shortRunAnswer),
            has_more_runs: z.boolean(),
            scores: z.array(scoreAnswer),
            has_more_scores: z.boolean(),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const trace = await find(db, tenantId, request.params.trace_id, {
        ...noColumns,
        metrics: true,
      })
      const { rows, next } = await runList(
        db,
        { tenantId, traceId: trace.key },
        { order: 'asc', after: null, limit: shownRuns },
        new Set(['error']),
      )
      const root = rows.find((row) => row.parentRunId === null) ?? rows[0]
      const [scores, experiment] = await Promise.all([
        feedbackList(db, tenantId, {
          runIds: rows.map(({ id }) => id),
          // Also where the trace has no run of which it could be told.
          traceIds: [trace.key],
          offset: 0,
          limit: shownScores + 1,
        }),
        root === undefined ? null : experimentFind(db, tenantId, root.experimentId),
      ])
      return {
        id: trace.key,
        name: trace.name,
        experiment: experiment && {
          id: experiment.id,
          name: experiment.name,
          dataset_id: experiment.datasetId,
        },
        timestamp: trace.timestamp,
        user_id: trace.userId,
        thread_id: trace.threadId,
        tags: trace.tags ?? [],
        environment: trace.environment,
        release: trace.release,
        version: trace.version,
        cost: trace.totalCost === null ? null : Number(trace.totalCost),
        latency: trace.latency === null ? null : Number(trace.latency),
        runs: rows.map(shortRunFromRow),
        has_more_runs: next !== null,
        scores: scores.slice(0, shownScores).map(scoreFromRow),
        has_more_scores: scores.length > shownScores,
      }
    },
  )

  app.get(
    '/traces/:trace_id/payload',
    {
      schema: {
        tags,
        summary: 'Read the input, output and metadata of a trace as a whole',
        params,
        response: { 200: z.object({ inputs: anyAnswer, outputs: anyAnswer, metadata: anyAnswer }) },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const trace = await find(db, tenantId, request.params.trace_id, { ...noColumns, io: true })
      return {
        inputs: payloadOf(trace.inputs),
        outputs: payloadOf(trace.outputs),
        metadata: payloadOf(trace.metadata),
      }
    },
  )
}

/** @throws RunmillError 404 */
async function find(
  db: Db,
  tenantId: string,
  asked: string,
  wanted: TraceColumns,
): Promise<TraceRow & { key: string }> {
  const { id } = resolveId('trace', asked)
  for (const key of await traceListStored(db, tenantId, [id])) {
    const trace = await traceFind(db, tenantId, key, wanted)
    if (trace !== null) return { ...trace, key }
  }
  const run = await runFind(db, tenantId, resolveId('run', asked).id)
  const trace = run?.traceId ? await traceFind(db, tenantId, run.traceId, wanted) : null
  if (trace !== null) return { ...trace, key: run!.traceId! }
  throw new RunmillError(404, 'There is no such trace, or nothing of it has arrived yet')
}
