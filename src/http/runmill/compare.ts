import { categoryKeys, compareCategory } from '../../domain/stats/compared-category.ts'
import {
  compareMeasure,
  type MeasureOptions,
  worstCase,
} from '../../domain/stats/compared-measure.ts'
import { coverageOf } from '../../domain/stats/coverage.ts'
import {
  type ExampleOrder,
  examplePage,
  type ExamplePlace,
} from '../../domain/stats/example-page.ts'
import { idAt } from '../../domain/stats/experiment-columns.ts'
import { type Change, type MeasurePair, measurePairs } from '../../domain/stats/pairing.ts'
import { toEpochMicros } from '../../domain/timestamp.ts'
import type { Db } from '../../store/pool.ts'
import { type ColumnPair, type ColumnStore } from '../../store/read/compare/column-store.ts'
import {
  comparedExampleList,
  type ComparedExperiments,
} from '../../store/read/compare/compared-examples.ts'
import type { NamedExperiment } from '../../store/read/compare/compared-experiments.ts'
import { scoreDirectionList } from '../../store/read/compare/score-directions.ts'
import { experimentAggregateFreshen } from '../../store/write/aggregates/fresh-aggregates.ts'
import type { App, Services } from '../services.ts'
import {
  categoryFromRow,
  type Compared,
  type Directions,
  directionOf,
  experimentFromRow,
  measuresFromRows,
  validityFromRow,
} from './compare-answer.ts'
import { type CompareRequest, compareRequest } from './compare-request.ts'
import { addOther, type Row, rowFromExample } from './compare-rows.ts'
import { compareAnswer } from './compare-schemas.ts'
import { readExamplePlace, writeExamplePlace } from './cursor.ts'
import { RunmillError } from './errors.ts'
import { findCompared } from './find-compared.ts'
import { createPauses } from './pauses.ts'

const schema = {
  tags: ['runmill'],
  summary: 'Compare experiments with a baseline',
  body: compareRequest,
  response: { 200: compareAnswer },
}

/**
 * `POST /api/runmill/compare`: judges experiments by a baseline on the same examples. The unit is the example: repetitions
 * are averaged within it, and a pair is an example for which both have a value.
 */
export function postCompare(app: App, { db }: Services, store: ColumnStore): void {
  app.post('/compare', { schema, config: { scope: 'read' } }, async ({ principal, body }) =>
    compare(db, store, principal.tenantId, body),
  )
}

async function compare(db: Db, store: ColumnStore, tenantId: string, asked: CompareRequest) {
  const { baseline, candidates } = await findCompared(db, tenantId, asked)
  const ids = [baseline, ...candidates].map(({ id }) => id)
  // What was applied is compared, whether or not a worker has come to it.
  await experimentAggregateFreshen(db, tenantId, ids)
  const directions: Directions = {
    asked: asked.directions ?? {},
    known: await scoreDirectionList(db, tenantId),
  }
  const after = asked.cursor === undefined ? null : readExamplePlace(asked.cursor)
  const { metadata, text } = asked.examples ?? {}
  const compared: Compared[] = []
  let page: Page = { rows: [], next: null }
  const pause = createPauses()
  await store.compare(
    tenantId,
    baseline,
    candidates,
    { keys: keysOf(asked), metadata, text },
    async (pair, index) => {
      compared.push(await summaryOf(pair, candidates[index]!, baseline, directions, asked, pause))
      if (index > 0) {
        addOther(page.rows, index - 1, pair.pairing, measurePairs(pair.baseline, pair.candidate))
      } else if (asked.limit > 0) {
        const experiments = { tenantId, baselineId: ids[0]!, candidateIds: ids.slice(1) }
        page = await readPage(db, experiments, pair, directions, asked, after)
      }
    },
  )
  const measures = await measuresFromRows(compared, directions, asked, pause)
  const inFamily = measures.flat().filter((each) => each.p_holm !== null)
  return {
    version: 1 as const,
    baseline: experimentFromRow(baseline),
    comparisons: compared.map((each, i) => ({
      candidate: experimentFromRow(each.candidate),
      measures: measures[i]!,
      categories: each.categories.map((category) => categoryFromRow(category)),
      validity: validityFromRow(each, baseline),
    })),
    family: {
      size: inFamily.length,
      measures: [...new Set(inFamily.map(({ key }) => key))],
      candidates: candidates.length,
    },
    rows: page.rows,
    next_cursor: page.next,
  }
}

/** The measures that have to be read; null: all. */
function keysOf({ measures, sort, change }: CompareRequest): ReadonlySet<string> | null {
  if (measures === undefined) return null
  const others = [sort?.measure, change?.measure].filter((key) => key !== undefined)
  return new Set([...measures, ...others])
}

async function summaryOf(
  { baseline, candidate, pairing, facts }: ColumnPair,
  experiment: NamedExperiment,
  { startTime }: NamedExperiment,
  directions: Directions,
  asked: CompareRequest,
  pause: (examples: number) => Promise<void>,
): Promise<Compared> {
  const { tolerance, confidence } = asked
  const options: MeasureOptions = { isChosen: facts.isChosen, tolerance, confidence }
  const isWanted = (key: string): boolean =>
    asked.summary && (asked.measures?.includes(key) ?? true)
  const compared: Compared = {
    candidate: experiment,
    measures: [],
    categories: [],
    coverage: coverageOf(pairing, facts, toEpochMicros(startTime)),
    executions: { baseline: baseline.executions, candidate: candidate.executions },
    hasMoreKeys: asked.summary && (baseline.hasMoreKeys || candidate.hasMoreKeys),
  }
  // The pairing itself, and the rows.
  await pause(pairing.size)
  const pairs = measurePairs(baseline, candidate).filter(({ key }) => isWanted(key))
  const keys = categoryKeys(baseline, candidate).filter(isWanted)
  if (Math.max(pairs.length, keys.length) > mostMeasures) compared.hasMoreKeys = true
  for (const pair of pairs.slice(0, mostMeasures)) {
    await pause(pairing.size)
    const { direction } = directionOf(pair, directions)
    compared.measures.push({
      row: compareMeasure(pairing, pair, options),
      worst: pair.isScore ? worstCase(pairing, pair, direction, options) : null,
    })
  }
  for (const key of keys.slice(0, mostMeasures)) {
    await pause(pairing.size)
    const [left, right] = [baseline.categories.get(key), candidate.categories.get(key)]
    const { isChosen } = facts
    compared.categories.push(
      compareCategory(pairing, key, left, right, {
        isChosen,
        confidence,
        leastPairs: asked.least_pairs,
      }),
    )
  }
  return compared
}

/** More than anybody can look at. A client may make up as many keys as it likes. */
const mostMeasures = 1000

interface Page {
  rows: Row[]
  next: string | null
}

async function readPage(
  db: Db,
  experiments: ComparedExperiments,
  pair: ColumnPair,
  directions: Directions,
  asked: CompareRequest,
  after: ExamplePlace | null,
): Promise<Page> {
  const { pairing, facts } = pair
  const measures = measurePairs(pair.baseline, pair.candidate)
  const others = experiments.candidateIds.slice(1)
  const order = orderOf(asked, measures, directions)
  const found = examplePage(pairing, facts.created, facts.isChosen, order, after, asked.limit + 1)
  const shown = found.slice(0, asked.limit)
  const places = new Map(shown.map(({ place }) => [idAt(pairing.ids, place), place]))
  const { rows, isCut } = await comparedExampleList(
    db,
    experiments,
    [...places.keys()],
    asked.bodies === 'full',
  )
  const lastPlace = isCut ? places.get(rows.at(-1)!.id) : shown.at(-1)?.place
  const hasMore = isCut || found.length > asked.limit
  const last = hasMore ? shown.find(({ place }) => place === lastPlace) : undefined
  return {
    rows: rows.map((each) => rowFromExample(each, pairing, places.get(each.id)!, measures, others)),
    next:
      last === undefined ? null : writeExamplePlace({ ...last, id: idAt(pairing.ids, last.place) }),
  }
}

/** @throws RunmillError 400 when rows are to be sorted and chosen by two measures */
function orderOf(
  { sort, change, tolerance }: CompareRequest,
  measures: readonly MeasurePair[],
  directions: Directions,
): ExampleOrder {
  if (sort !== undefined && change !== undefined && sort.measure !== change.measure)
    throw new RunmillError(400, 'Rows are sorted and chosen by one measure')
  const key = sort?.measure ?? change?.measure
  const measure = measures.find((each) => each.key === key) ?? null
  const isHigherBetter =
    directionOf(measure ?? { key: key ?? '', isScore: true }, directions).direction === 'higher'
  const names: Record<string, Change> = {
    improved: isHigherBetter ? 'higher' : 'lower',
    regressed: isHigherBetter ? 'lower' : 'higher',
    equal: 'equal',
    missing: 'missing',
  }
  return {
    measure,
    by: sort?.by ?? 'created',
    isDescending: sort?.order === 'desc',
    changes: change === undefined ? null : change.is.map((each) => names[each]!),
    tolerance,
  }
}
