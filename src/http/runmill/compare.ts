import { z } from 'zod'
import { listedDifferences } from '../../domain/stats/judgement.ts'
import {
  comparedExampleList,
  type Change,
  type ExampleOrder,
  type ExamplePlace,
} from '../../store/read/compare/compared-examples.ts'
import {
  comparedExperimentList,
  type ExperimentSearch,
  type NamedExperiment,
} from '../../store/read/compare/compared-experiments.ts'
import {
  type ComparedMeasure,
  type Coverage,
  comparedMeasureList,
  coverageFind,
} from '../../store/read/compare/measures.ts'
import type { Db } from '../../store/pool.ts'
import type { App, Services } from '../services.ts'
import {
  directionOf,
  experimentAnswer,
  experimentFromRow,
  measureAnswer,
  measuresFromRows,
  rowAnswer,
  rowFromExample,
  validityAnswer,
  validityFromRow,
} from './compare-answer.ts'
import { compareRequest, type CompareRequest } from './compare-request.ts'
import { RunmillError } from './errors.ts'

const schema = {
  tags: ['runmill'],
  summary: 'Compare experiments with a baseline',
  body: compareRequest,
  response: {
    200: z.object({
      version: z.literal(1),
      baseline: experimentAnswer,
      comparisons: z.array(
        z.object({
          candidate: experimentAnswer,
          measures: z.array(measureAnswer),
          validity: validityAnswer,
        }),
      ),
      rows: z.array(rowAnswer),
      next_cursor: z.string().nullable(),
    }),
  },
}

interface Compared {
  candidate: NamedExperiment
  measures: ComparedMeasure[]
  /** Those that were asked for. */
  wanted: ComparedMeasure[]
  coverage: Coverage
}

/**
 * `POST /api/runmill/compare`: judges experiments by a baseline on the same examples. The unit is the example: repetitions
 * are averaged within it, and a pair is an example for which both have a value.
 */
export function postCompare(app: App, { db }: Services): void {
  app.post('/compare', { schema, config: { scope: 'read' } }, async (request) => {
    const { tenantId } = request.principal
    const asked = request.body
    // One after the other: a tenant may have few reads under way.
    const candidates: NamedExperiment[] = []
    for (const name of new Set(asked.candidates)) {
      candidates.push(await findNamed(db, tenantId, name, asked.dataset, asked.candidate_metadata))
    }
    const baseline = await findBaseline(db, tenantId, candidates[0]!, asked)
    if (candidates.some(({ id }) => id === baseline.id)) {
      throw new RunmillError(
        400,
        `${baseline.name} is not compared with itself: name another baseline`,
      )
    }
    const compared: Compared[] = []
    for (const candidate of candidates) {
      const pair = { tenantId, baselineId: baseline.id, candidateId: candidate.id }
      const [measures, coverage] = await Promise.all([
        comparedMeasureList(db, pair, asked.tolerance, listedDifferences),
        coverageFind(db, pair, [baseline.startTime, candidate.startTime]),
      ])
      const wanted = measures.filter(({ key }) => asked.measures?.includes(key) ?? true)
      compared.push({ candidate, measures, wanted, coverage })
    }
    const pair = { tenantId, baselineId: baseline.id, candidateId: candidates[0]!.id }
    const order = orderOf(asked, compared[0]!.measures)
    const after = asked.cursor === undefined ? null : readCursor(asked.cursor)
    const found =
      asked.limit === 0
        ? []
        : await comparedExampleList(db, pair, order, {
            after,
            limit: asked.limit + 1,
            hasBodies: asked.bodies === 'full',
          })
    const shown = found.slice(0, asked.limit)
    const last = found.length > asked.limit ? shown.at(-1) : undefined
    return {
      version: 1 as const,
      baseline: experimentFromRow(baseline),
      comparisons: compared.map(({ candidate, wanted, coverage }) => ({
        candidate: experimentFromRow(candidate),
        measures: measuresFromRows(wanted, asked),
        validity: validityFromRow(coverage, baseline, candidate),
      })),
      rows: shown.map(rowFromExample),
      next_cursor: last === undefined ? null : writeCursor(last),
    }
  })
}

/** @throws RunmillError 404 when there is none, 400 when several have that name */
async function findNamed(
  db: Db,
  tenantId: string,
  name: string,
  dataset: string | undefined,
  metadata?: Record<string, string>,
): Promise<NamedExperiment> {
  const among: ExperimentSearch = dataset === undefined ? {} : { dataset }
  if (name === 'latest') {
    const search = metadata === undefined ? among : { ...among, metadata }
    const [latest] = await comparedExperimentList(db, tenantId, search, 1)
    if (latest !== undefined) return latest
    const of = metadata === undefined ? '' : ` with the metadata ${JSON.stringify(metadata)}`
    throw new RunmillError(404, `There is no experiment${of} on a dataset`)
  }
  if (z.guid().safeParse(name).success) {
    const [byId] = await comparedExperimentList(db, tenantId, { ...among, id: name }, 1)
    if (byId !== undefined) return byId
  }
  const found = await comparedExperimentList(db, tenantId, { ...among, name }, 2)
  const [first, second] = found
  if (first === undefined)
    throw new RunmillError(404, `There is no experiment ${name} on a dataset`)
  if (second !== undefined && second.datasetId !== first.datasetId)
    throw new RunmillError(
      400,
      `Several datasets have an experiment ${name}: name the dataset too, or give the id`,
    )
  return first
}

async function findBaseline(
  db: Db,
  tenantId: string,
  candidate: NamedExperiment,
  { baseline, baseline_metadata: metadata, dataset }: CompareRequest,
): Promise<NamedExperiment> {
  if (baseline !== 'previous' && baseline !== 'latest') {
    return findNamed(db, tenantId, baseline, dataset ?? candidate.datasetId)
  }
  const search: ExperimentSearch = {
    datasetId: candidate.datasetId,
    except: candidate.id,
    ...(baseline === 'previous' ? { before: candidate } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  }
  const [found] = await comparedExperimentList(db, tenantId, search, 1)
  if (found !== undefined) return found
  const of = metadata === undefined ? '' : ` with the metadata ${JSON.stringify(metadata)}`
  throw new RunmillError(
    404,
    `${candidate.datasetName} has no ${baseline === 'previous' ? 'earlier' : 'other'} experiment${of} to compare ${candidate.name} with`,
  )
}

/** @throws RunmillError 400 when rows are to be sorted and chosen by two measures */
function orderOf(asked: CompareRequest, measures: readonly ComparedMeasure[]): ExampleOrder {
  const { sort, change, tolerance } = asked
  if (sort !== undefined && change !== undefined && sort.measure !== change.measure)
    throw new RunmillError(400, 'Rows are sorted and chosen by one measure')
  const key = sort?.measure ?? change?.measure ?? null
  const measure = measures.find((each) => each.key === key)
  const direction = directionOf(
    measure ?? { key: key ?? '', isScore: true, isLowerBetter: null },
    asked.directions,
  )
  const [improved, regressed] =
    direction === 'higher' ? (['higher', 'lower'] as const) : (['lower', 'higher'] as const)
  const names: Record<string, Change> = { improved, regressed, equal: 'equal', missing: 'missing' }
  return {
    key,
    by: sort?.by ?? 'created',
    isDescending: sort?.order === 'desc',
    changes: change === undefined ? null : change.is.map((each) => names[each]!),
    search: asked.search === '' ? null : (asked.search ?? null),
    tolerance,
  }
}

const place = z.tuple([
  z.guid(),
  z
    .string()
    .regex(/^-?\d{1,400}(?:\.\d{1,1000})?$/)
    .nullable(),
  z.iso.datetime({ offset: true }),
])

function writeCursor({ id, rank, createdAt }: ExamplePlace): string {
  return Buffer.from(JSON.stringify([id, rank, createdAt])).toString('base64url')
}

/** @throws RunmillError 400 for what is no cursor */
function readCursor(cursor: string): ExamplePlace {
  try {
    const [id, rank, createdAt] = place.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString()),
    )
    return { id, rank, createdAt }
  } catch {
    throw new RunmillError(400, 'Invalid cursor')
  }
}
