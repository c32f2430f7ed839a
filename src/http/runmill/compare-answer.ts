import type { ComparedCategory } from '../../domain/stats/compared-category.ts'
import type { ComparedMeasure, WorstCase } from '../../domain/stats/compared-measure.ts'
import type { Coverage } from '../../domain/stats/coverage.ts'
import { RawJson } from '../../domain/raw-json.ts'
import type { Direction } from '../../domain/stats/difference.ts'
import type { Interval } from '../../domain/stats/intervals.ts'
import { type Judgement, judgementOf } from '../../domain/stats/judgement.ts'
import { benjaminiHochberg, holm } from '../../domain/stats/tests.ts'
import type { NamedExperiment } from '../../store/read/compare/compared-experiments.ts'
import type { ScoreDirectionRow } from '../../store/read/compare/score-directions.ts'
import type { CompareRequest } from './compare-request.ts'
import type { CategoryAnswer, MeasureAnswer, ValidityAnswer } from './compare-schemas.ts'

/** One candidate beside the baseline. */
export interface Compared {
  candidate: NamedExperiment
  measures: { row: ComparedMeasure; worst: WorstCase | null }[]
  categories: ComparedCategory[]
  coverage: Coverage
  executions: { baseline: number; candidate: number }
  /** Some keys are left out. */
  hasMoreKeys: boolean
}

export function experimentFromRow(row: NamedExperiment) {
  const { id, name, datasetId, datasetName, createdAt, metadata } = row
  return {
    id,
    name,
    dataset_id: datasetId,
    dataset_name: datasetName,
    created_at: createdAt,
    metadata: new RawJson(metadata),
  }
}

/** Which way of a measure is better, by key. */
export interface Directions {
  asked: NonNullable<CompareRequest['directions']>
  known: ReadonlyMap<string, ScoreDirectionRow>
}

/** Which way is better, and who says so. */
export interface KnownDirection {
  direction: Direction
  source: MeasureAnswer['direction_source']
}

/**
 * Which way of a measure is better: as asked, as was said once, as its config says, or by what it is. Of a score of which
 * nobody has said anything, higher is taken for better.
 */
export function directionOf(
  { key, isScore }: Pick<ComparedMeasure, 'key' | 'isScore'>,
  { asked, known }: Directions,
): KnownDirection {
  if (Object.hasOwn(asked, key)) return { direction: asked[key]!, source: 'request' }
  if (!isScore) return { direction: 'lower', source: 'measure' }
  const row = known.get(key)
  if (row === undefined) return { direction: 'higher', source: 'assumed' }
  return {
    direction: row.isLowerBetter ? 'lower' : 'higher',
    source: row.isStored ? 'stored' : 'config',
  }
}

interface Judged extends KnownDirection {
  measure: Compared['measures'][number]
  margin: number
  judgement: Judgement
  ifWorst: Judgement | null
}

/**
 * Judges the measures of each comparison. Those that are scores, of all candidates, are the family for which p is corrected.
 */
export async function measuresFromRows(
  compared: readonly Compared[],
  directions: Directions,
  asked: CompareRequest,
  pause: (examples: number) => Promise<void>,
): Promise<MeasureAnswer[][]> {
  const { margins = {}, confidence } = asked
  const judged: Judged[][] = []
  for (const { measures } of compared) {
    const judgements: Judged[] = []
    for (const measure of measures) {
      await pause(measure.row.pairs)
      const { row, worst } = measure
      const known = directionOf(row, directions)
      const margin = Object.hasOwn(margins, row.key) ? margins[row.key]! : 0
      const options = { margin, confidence, leastPairs: asked.least_pairs }
      judgements.push({
        measure,
        ...known,
        margin,
        judgement: judgementOf(row, known.direction, options),
        ifWorst: worst === null ? null : judgementOf(worst, known.direction, options),
      })
    }
    judged.push(judgements)
  }
  const family = judged
    .flat()
    .filter(({ measure, judgement }) => measure.row.isScore && judgement.p !== null)
  const ps = family.map(({ judgement }) => judgement.p!)
  const [holms, shares] = [holm(ps), benjaminiHochberg(ps)]
  const corrected = new Map(family.map((each, i) => [each, { holm: holms[i]!, bh: shares[i]! }]))
  return judged.map((each) =>
    each.map((one) => measureAnswerOf(one, corrected.get(one) ?? null, confidence)),
  )
}

function measureAnswerOf(
  { measure: { row, worst }, direction, source, margin, judgement, ifWorst }: Judged,
  corrected: { holm: number; bh: number } | null,
  confidence: number,
): MeasureAnswer {
  const measure = {
    key: row.key,
    is_score: row.isScore,
    direction,
    direction_source: source,
    pairs: row.pairs,
    baseline_mean: row.baselineMean,
    candidate_mean: row.candidateMean,
    baseline_interval: intervalAnswer(row.baselineInterval),
    candidate_interval: intervalAnswer(row.candidateInterval),
    delta: judgement.delta,
    standard_error: judgement.standardError,
    interval: intervalAnswer(judgement.interval),
    p: judgement.p,
    p_holm: corrected?.holm ?? null,
    p_benjamini_hochberg: corrected?.bh ?? null,
    method: judgement.method,
    effect: judgement.effect,
    detectable: judgement.detectable,
    margin,
    ...countsOf(row, direction),
    missing: row.onlyBaseline + row.onlyCandidate,
    only_baseline: row.onlyBaseline,
    only_candidate: row.onlyCandidate,
    unscored: { baseline: row.baselineUnscored, candidate: row.candidateUnscored },
    executions: { baseline: row.baselineExecutions, candidate: row.candidateExecutions },
    is_same_config: row.isSameConfig,
    if_errored_were_worst:
      worst === null || ifWorst === null
        ? null
        : {
            worst: worst.worst,
            filled: worst.filled,
            pairs: worst.pairs,
            delta: ifWorst.delta,
            interval: intervalAnswer(ifWorst.interval),
            p: ifWorst.p,
            method: ifWorst.method,
            detectable: ifWorst.detectable,
            ...countsOf(worst, direction),
            missing: worst.missing,
            verdict: ifWorst.verdict,
          },
    verdict: judgement.verdict,
  }
  return { ...measure, summary: summaryOf(measure, confidence) }
}

function countsOf(
  { higher, lower, equal }: Pick<ComparedMeasure, 'higher' | 'lower' | 'equal'>,
  direction: Direction,
): { better: number; worse: number; equal: number } {
  const [better, worse] = direction === 'higher' ? [higher, lower] : [lower, higher]
  return { better, worse, equal }
}

function intervalAnswer(interval: Interval | null): number[] | null {
  return interval === null ? null : [...interval]
}

function summaryOf(measure: Omit<MeasureAnswer, 'summary'>, confidence: number): string {
  const { key, delta, interval, p, pairs, better, worse, equal, missing, verdict } = measure
  const change = delta === null ? 'no pairs' : signed(delta)
  const known =
    interval === null
      ? ''
      : ` (${+(confidence * 100).toFixed(3)} % ${short(interval[0]!)} … ${short(interval[1]!)}${p === null ? '' : `, p ${p.toPrecision(2)}`})`
  return `${key} ${change}${known}: ${verdict}; ${pairs} pairs, ${better} better / ${worse} worse / ${equal} equal, ${missing} missing`
}

function signed(value: number): string {
  return value > 0 ? `+${short(value)}` : short(value)
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

export function categoryFromRow(row: ComparedCategory): CategoryAnswer {
  return {
    key: row.key,
    labels: row.labels,
    pairs: row.pairs,
    only_baseline: row.onlyBaseline,
    only_candidate: row.onlyCandidate,
    moves: row.moves,
    moved: row.moved,
    stuart_maxwell: row.stuartMaxwell,
    bowker: row.bowker,
    shares: row.shares.map(({ label, baseline, candidate, difference, pHolm }) => ({
      label,
      baseline,
      candidate,
      delta: difference.delta,
      interval: intervalAnswer(difference.interval),
      p: difference.p,
      p_holm: pHolm,
      method: difference.method,
    })),
    verdict: row.verdict,
    summary: categorySummaryOf(row),
  }
}

function categorySummaryOf(row: ComparedCategory): string {
  const tests = [
    row.stuartMaxwell === null ? '' : `Stuart–Maxwell p ${row.stuartMaxwell.p.toPrecision(2)}`,
    row.bowker === null ? '' : `Bowker p ${row.bowker.p.toPrecision(2)}`,
    row.moves === null && row.leastP !== null
      ? `least p of a label ${row.leastP.toPrecision(2)}, Holm`
      : '',
  ].filter((each) => each !== '')
  const known = tests.length === 0 ? '' : ` (${tests.join(', ')})`
  const moved = row.moved === null ? '' : `${row.moved} moved, `
  const missing = row.onlyBaseline + row.onlyCandidate
  return `${row.key}${known}: ${row.verdict}; ${row.pairs} pairs, ${moved}${missing} missing`
}

export function validityFromRow(
  { candidate, coverage: row, executions, measures, hasMoreKeys }: Compared,
  baseline: NamedExperiment,
): ValidityAnswer {
  const isSameDataset = baseline.datasetId === candidate.datasetId
  const warnings: string[] = []
  const warn = (count: number, what: string): void => {
    if (count > 0) warnings.push(`${count} ${count === 1 ? 'example' : 'examples'} ${what}`)
  }
  if (!isSameDataset) warnings.push('the experiments are of different datasets')
  if (hasMoreKeys)
    warnings.push('there are too many scores: only some are compared, so name the measures')
  warn(row.changed, 'changed between the two experiments')
  warn(row.onlyBaseline, 'only in the baseline')
  warn(row.onlyCandidate, 'only in the candidate')
  warn(row.baselineErrored, 'failed in the baseline')
  warn(row.candidateErrored, 'failed in the candidate')
  warn(row.baselineUnfinished, 'unfinished in the baseline')
  warn(row.candidateUnfinished, 'unfinished in the candidate')
  const others = measures.filter(({ row: each }) => !each.isSameConfig)
  for (const { row: each } of others) warnings.push(`${each.key} was given by different configs`)
  return {
    is_same_dataset: isSameDataset,
    is_same_version: isSameDataset && row.changed === 0,
    is_same_config: others.length === 0,
    changed_examples: row.changed,
    examples: row.examples,
    both: row.both,
    only_baseline: row.onlyBaseline,
    only_candidate: row.onlyCandidate,
    added: row.added,
    newly_errored: row.newlyErrored,
    errored: { baseline: row.baselineErrored, candidate: row.candidateErrored },
    unfinished: { baseline: row.baselineUnfinished, candidate: row.candidateUnfinished },
    executions,
    warnings,
  }
}
