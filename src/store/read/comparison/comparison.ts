import type { JsonText } from '../../../domain/entities.ts'
import type { Db } from '../../pool.ts'
import { runComposed, runStatement } from '../../statements.ts'
import {
  comparisonKeySql,
  comparisonRunSql,
  feedbackComparedKeysSql,
  feedbackComparedSql,
  feedbackCountComparedSql,
  type FeedbackTarget,
} from './comparison-sql.ts'
import type { ComparisonKey, ComparisonPlace, ComparisonQuery } from './comparison-query.ts'
import type { Example } from '../datasets/example.ts'
import type { FeedbackRow } from '../feedback/feedback.ts'
import { withPaths } from '../runs/run-trees.ts'
import type { RunRow } from '../runs/runs.ts'

export interface ComparedExperiment {
  id: string
  name: string
}

/**
 * The run of a run item, or a stand-in until that run arrives. Experiment and example are the item's; the statistics
 * cover the feedback on the run and on its trace. Bodies are null in a preview.
 */
export interface ComparedRun extends RunRow {
  /** null until the run has arrived. */
  runId: string | null
  traceId: string
  referenceExampleId: string
}

/** Feedback with the compared run that it belongs to: the run that it is on, or the one that is shown for its trace. */
export interface ComparedFeedback extends FeedbackRow {
  comparedRunId: string
}

/** Which feedback is wanted row by row, in addition to the statistics. */
export type FeedbackDetail = 'none' | 'comparative' | 'all'

/** What is read of the runs that are shown. */
export interface ComparisonDetail {
  /** True when the bodies of runs are not to be read. */
  isPreview: boolean
  detail: FeedbackDetail
}

export interface ComparisonRange extends ComparisonDetail {
  /** The number of examples to skip. */
  offset: number
  /** null for all examples. */
  limit: number | null
}

export interface ComparisonRow {
  /** The newest version; for a deleted example, its last one. */
  example: Example
  runs: { run: ComparedRun; feedback: ComparedFeedback[] }[]
}

/**
 * Returns those of the experiments that exist and can show examples of the dataset: its own experiments, and those
 * without a dataset.
 * @returns null when there is no such dataset
 */
export async function experimentListCompared(
  db: Db,
  tenantId: string,
  datasetId: string,
  experimentIds: string[],
): Promise<ComparedExperiment[] | null> {
  const rows = await runStatement<{ id: string | null; name: string | null }>(
    db,
    'experiment_list_compared',
    [tenantId, datasetId, experimentIds],
  )
  if (rows.length === 0) return null
  return rows.filter((row): row is ComparedExperiment => row.id !== null)
}

/** The number of examples whose rows are read at once: with their runs and bodies they are all in memory together. */
const pageLength = 100
/** The number of keys that are read at once: to find them, every item of the experiments is looked at. */
const keyChunkLength = 10_000

/**
 * Yields the comparison page by page, and reads on only as fast as it is consumed. No transaction stays open. Rows that
 * are written meanwhile shift nothing, because the next keys are found after the last one.
 */
export async function* comparisonPages(
  db: Db,
  query: ComparisonQuery,
  { offset, limit, ...options }: ComparisonRange,
): AsyncGenerator<ComparisonRow[]> {
  if (query.experimentIds.length === 0) return
  let left = limit ?? Infinity
  let place: ComparisonPlace = { after: null, offset, limit: Math.min(left, keyChunkLength) }
  for (;;) {
    const keys = await comparisonKeyList(db, query, place)
    for (let i = 0; i < keys.length; i += pageLength) {
      yield comparisonRowList(db, query, keys.slice(i, i + pageLength), options)
    }
    left -= keys.length
    const last = keys.at(-1)
    if (last === undefined || keys.length < place.limit || left <= 0) return
    place = { after: last, offset: 0, limit: Math.min(left, keyChunkLength) }
  }
}

/**
 * Reads one page of the comparison.
 * @returns next: where the following page starts; null when this is the last
 */
export async function comparisonPage(
  db: Db,
  query: ComparisonQuery,
  { after, limit, ...options }: Omit<ComparisonPlace, 'offset'> & ComparisonDetail,
): Promise<{ rows: ComparisonRow[]; next: ComparisonKey | null }> {
  if (query.experimentIds.length === 0) return { rows: [], next: null }
  const keys = await comparisonKeyList(db, query, { after, offset: 0, limit: limit + 1 })
  const shown = keys.slice(0, limit)
  const rows = await comparisonRowList(db, query, shown, options)
  return { rows, next: keys.length > limit ? (shown.at(-1) ?? null) : null }
}

/** Lists examples in order: by score where asked, then newest `created_at` first, then by id. */
async function comparisonKeyList(
  db: Db,
  query: ComparisonQuery,
  place: ComparisonPlace,
): Promise<ComparisonKey[]> {
  return runComposed<ComparisonKey>(db, query.tenantId, comparisonKeySql(query, place))
}

/** Reads the runs of these examples, filtered, in the order in which they are shown. */
async function comparisonRunList(
  db: Db,
  query: ComparisonQuery,
  exampleIds: string[],
  detail: { isPreview: boolean },
): Promise<Omit<ComparedRun, 'feedbackStats'>[]> {
  return runComposed(db, query.tenantId, comparisonRunSql(query, exampleIds, detail))
}

/** Reads the examples of these keys, in their order, with their runs and the feedback on those. */
export async function comparisonRowList(
  db: Db,
  query: ComparisonQuery,
  keys: ComparisonKey[],
  { isPreview, detail }: ComparisonDetail,
): Promise<ComparisonRow[]> {
  if (keys.length === 0) return []
  const ids = keys.map((key) => key.id)
  const [examples, listed] = await Promise.all([
    runStatement<Example>(db, 'example_list_compared', [query.tenantId, ids]),
    comparisonRunList(db, query, ids, { isPreview }),
  ])
  const targets = [...new Map(listed.map((run) => [run.id, run])).values()]
  const runs = withoutRepeats(listed)
  const [placed, stats, feedback] = await Promise.all([
    withPaths(db, query.tenantId, runs),
    feedbackCountCompared(db, query, targets),
    detail === 'none' ? [] : feedbackListCompared(db, query, targets, detail),
  ])
  return assemble(
    ids,
    examples,
    runs.map((run, i) => ({
      // The place of a run that has not arrived is not known.
      ...(run.runId === null ? run : placed[i]!),
      feedbackStats: stats.get(run.id) ?? null,
    })),
    feedback,
  )
}

interface FeedbackCount {
  runId: string
  key: string
  n: number
  avg: number | null
  labels: string[] | null
}

/**
 * Reads statistics of the feedback on runs and on their traces: JSON by run, in the shape of `RunRow.feedbackStats`.
 */
async function feedbackCountCompared(
  db: Db,
  query: ComparisonQuery,
  targets: readonly FeedbackTarget[],
): Promise<Map<string, JsonText>> {
  const statement = feedbackCountComparedSql(query, targets)
  const counts = await runComposed<FeedbackCount>(db, query.tenantId, statement)
  const texts = new Map<string, JsonText>()
  for (const [runId, keys] of groupBy(counts, (count) => count.runId)) {
    const members = keys.map(
      ({ key, n, avg, labels }) =>
        `${JSON.stringify(key)}:${JSON.stringify({ n, avg, values: tally(labels ?? []) })}`,
    )
    texts.set(runId, `{${members.join(',')}}`)
  }
  return texts
}

function tally(labels: string[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const label of labels.toSorted()) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Object.fromEntries(counts)
}

async function feedbackListCompared(
  db: Db,
  query: ComparisonQuery,
  targets: readonly FeedbackTarget[],
  detail: 'comparative' | 'all',
): Promise<ComparedFeedback[]> {
  return runComposed(db, query.tenantId, feedbackComparedSql(query, targets, detail))
}

/** Lists, by experiment, the feedback keys of its runs, sorted. */
export async function feedbackListComparedKeys(
  db: Db,
  query: ComparisonQuery,
): Promise<Map<string, string[]>> {
  const rows = await runComposed<{ experimentId: string; keys: string[] }>(
    db,
    query.tenantId,
    feedbackComparedKeysSql(query),
  )
  return new Map(rows.map((row) => [row.experimentId, row.keys]))
}

/** Both a trace and its root run may be linked to an example. That is one run, and is shown once. */
function withoutRepeats<R extends Omit<ComparedRun, 'feedbackStats'>>(runs: R[]): R[] {
  const distinct = new Map(
    runs.map((run) => [`${run.experimentId}/${run.referenceExampleId}/${run.id}`, run]),
  )
  return [...distinct.values()]
}

function assemble(
  ids: string[],
  examples: Example[],
  runs: ComparedRun[],
  feedback: ComparedFeedback[],
): ComparisonRow[] {
  const runsOf = groupBy(runs, (run) => run.referenceExampleId)
  const feedbackOf = groupBy(feedback, (row) => row.comparedRunId)
  const exampleOf = new Map(examples.map((example) => [example.id, example]))
  return ids.flatMap((id) => {
    const example = exampleOf.get(id)
    if (example === undefined) return []
    const shown = (runsOf.get(id) ?? []).map((run) => ({
      run,
      feedback: feedbackOf.get(run.id) ?? [],
    }))
    return [{ example, runs: shown }]
  })
}

function groupBy<Row>(rows: Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  return groups
}
