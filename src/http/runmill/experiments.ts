import { z } from 'zod'
import { RawJson } from '../../domain/raw-json.ts'
import { compareMeasure } from '../../domain/stats/compared-measure.ts'
import { coverageOf } from '../../domain/stats/coverage.ts'
import { measurePairs } from '../../domain/stats/pairing.ts'
import type { ColumnPair, ColumnStore } from '../../store/read/compare/column-store.ts'
import {
  exampleFindNewest,
  executionListOfExample,
} from '../../store/read/experiments/example-executions.ts'
import { experimentAggregateFreshen } from '../../store/write/aggregates/fresh-aggregates.ts'
import { anyAnswer, raw, timeAnswer, uuidAnswer, wholeAnswer } from '../answer-schemas.ts'
import type { App, Services } from '../services.ts'
import { experimentFromRow } from './compare-answer.ts'
import { experimentAnswer } from './compare-schemas.ts'
import { RunmillError } from './errors.ts'
import { findExperimentById } from './find-experiment.ts'
import { createPauses } from './pauses.ts'

const tags = ['runmill']

const id = z.guid().toLowerCase()

/** Of one example, so many executions are shown. */
const mostExecutions = 50

/** More than anybody can look at. A client may make up as many keys as it likes. */
const mostMeasures = 1000

const scoreAnswer = z.object({
  id: uuidAnswer,
  key: z.string(),
  score: anyAnswer.describe('A number, a boolean, or null'),
  value: anyAnswer.describe('A category or text, or null'),
  comment: z.string().nullable().describe('The reason'),
  source: z.string().nullable(),
  created_at: timeAnswer.nullable(),
})

const executionAnswer = z.object({
  id: uuidAnswer,
  run_id: uuidAnswer.nullable(),
  trace_id: uuidAnswer.nullable(),
  status: z.string(),
  start_time: timeAnswer.nullable(),
  latency: z.number().nullable(),
  tokens: wholeAnswer.nullable(),
  cost: z.number().nullable(),
  inputs: anyAnswer,
  outputs: anyAnswer,
  error: anyAnswer,
  scores: raw(z.array(scoreAnswer)),
})

/** What one experiment on a dataset has measured, and what it made of one example. */
export function experimentRoutes(app: App, { db }: Services, columns: ColumnStore): void {
  app.get(
    '/experiments/:id/summary',
    {
      schema: {
        tags,
        summary: 'Read how far an experiment is, and its means with their 95 % intervals',
        params: z.object({ id }),
        response: {
          200: z.object({
            experiment: experimentAnswer,
            executions: z.int(),
            examples: z.int(),
            errored: z.int(),
            unfinished: z.int(),
            measures: z.array(
              z.object({
                key: z.string(),
                is_score: z.boolean(),
                examples: z.int(),
                mean: z.number(),
                interval: z.array(z.number()).length(2).nullable(),
              }),
            ),
            has_more_measures: z.boolean().describe('There are so many that some are left out'),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const experiment = await findExperimentById(db, tenantId, request.params.id)
      await experimentAggregateFreshen(db, tenantId, [experiment.id])
      let summary: Awaited<ReturnType<typeof summaryOf>> | null = null
      // An experiment beside itself: the candidate's side is what it has measured.
      await columns.compare(tenantId, experiment, [experiment], { keys: null }, async (pair) => {
        summary = await summaryOf(pair)
      })
      return { experiment: experimentFromRow(experiment), ...summary! }
    },
  )

  app.get(
    '/experiments/:id/examples/:example_id',
    {
      schema: {
        tags,
        summary: 'Read what an experiment made of an example, with scores and their reasons',
        params: z.object({ id, example_id: id }),
        response: {
          200: z.object({
            example: z.object({
              id: uuidAnswer,
              inputs: anyAnswer,
              reference: anyAnswer,
              metadata: anyAnswer,
            }),
            executions: z.array(executionAnswer),
            has_more_executions: z
              .boolean()
              .describe('There are so many, or such large ones, that some are left out'),
          }),
        },
      },
    },
    async (request) => {
      const { tenantId } = request.principal
      const experiment = await findExperimentById(db, tenantId, request.params.id)
      const exampleId = request.params.example_id
      const example = await exampleFindNewest(db, tenantId, exampleId)
      if (example === null) throw new RunmillError(404, 'There is no such example')
      const { rows, hasMore } = await executionListOfExample(db, tenantId, {
        experimentId: experiment.id,
        exampleId,
        limit: mostExecutions,
      })
      return {
        example: {
          id: example.id,
          inputs: json(example.inputs),
          reference: json(example.outputs),
          metadata: json(example.metadata),
        },
        has_more_executions: hasMore,
        executions: rows.map((row) => ({
          id: row.id,
          run_id: row.runId,
          trace_id: row.traceId,
          status: row.status,
          start_time: row.startTime,
          latency: row.latency,
          tokens: row.totalTokens,
          cost: row.totalCost === null ? null : Number(row.totalCost),
          inputs: json(row.inputs),
          outputs: json(row.outputs),
          error: json(row.error),
          scores: new RawJson(row.scores),
        })),
      }
    },
  )
}

async function summaryOf({ candidate, pairing, facts }: ColumnPair) {
  const coverage = coverageOf(pairing, facts, 0)
  const options = { isChosen: null, tolerance: 0, confidence: 0.95 }
  const pairs = measurePairs(candidate, candidate)
  const pause = createPauses()
  const measures = []
  for (const each of pairs.slice(0, mostMeasures)) {
    await pause(pairing.size)
    const measure = compareMeasure(pairing, each, options)
    const { candidateMean: mean, candidateInterval: interval } = measure
    if (mean === null) continue
    // Values without any spread say nothing of how far off their mean is.
    const isKnown = interval !== null && interval[0] < interval[1]
    measures.push({
      key: measure.key,
      is_score: measure.isScore,
      examples: measure.pairs,
      mean,
      interval: isKnown ? [...interval] : null,
    })
  }
  return {
    executions: candidate.executions,
    examples: candidate.size,
    errored: coverage.candidateErrored,
    unfinished: coverage.candidateUnfinished,
    has_more_measures: candidate.hasMoreKeys || pairs.length > mostMeasures,
    measures,
  }
}

function json(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text)
}
