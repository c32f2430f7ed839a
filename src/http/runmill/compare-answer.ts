import { z } from 'zod'
import { benjaminiHochberg, holm } from '../../domain/stats/tests.ts'
import type { Direction } from '../../domain/stats/difference.ts'
import { judgementOf } from '../../domain/stats/judgement.ts'
import type { ComparedExample } from '../../store/read/compare/compared-examples.ts'
import type { NamedExperiment } from '../../store/read/compare/compared-experiments.ts'
import type { ComparedMeasure, Coverage } from '../../store/read/compare/measures.ts'
import { anyAnswer, raw, timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import { RawJson } from '../../domain/json.ts'
import type { CompareRequest } from './compare-request.ts'

const sides = z.object({ baseline: z.int(), candidate: z.int() })

export const experimentAnswer = z.object({
  id: uuidAnswer,
  name: z.string(),
  dataset_id: uuidAnswer,
  dataset_name: z.string(),
  created_at: timeAnswer,
  metadata: anyAnswer,
})

export const measureAnswer = z.object({
  key: z.string(),
  is_score: z.boolean(),
  direction: z.enum(['higher', 'lower']),
  pairs: z.int(),
  baseline_mean: z.number().nullable(),
  candidate_mean: z.number().nullable(),
  delta: z.number().nullable(),
  standard_error: z.number().nullable(),
  interval: z.array(z.number()).length(2).nullable(),
  p: z.number().nullable(),
  p_holm: z.number().nullable(),
  p_benjamini_hochberg: z.number().nullable(),
  method: z.string(),
  effect: z.number().nullable(),
  detectable: z.number().nullable(),
  margin: z.number(),
  better: z.int(),
  worse: z.int(),
  equal: z.int(),
  missing: z.int(),
  only_baseline: z.int(),
  only_candidate: z.int(),
  unscored: sides,
  verdict: z.enum(['better', 'not worse', 'worse', 'undecided', 'identical', 'cannot judge']),
  summary: z.string(),
})

export const validityAnswer = z.object({
  is_same_dataset: z.boolean(),
  changed_examples: z.int(),
  examples: z.int(),
  both: z.int(),
  only_baseline: z.int(),
  only_candidate: z.int(),
  added: z.int(),
  newly_errored: z.int(),
  errored: sides,
  unfinished: sides,
  executions: sides,
  warnings: z.array(z.string()),
})

const run = z.object({
  id: uuidAnswer,
  run_id: uuidAnswer.nullable(),
  trace_id: uuidAnswer.nullable(),
  status: z.string(),
  latency: z.number().nullable(),
  tokens: z.number().nullable(),
  cost: z.number().nullable(),
})

export const rowAnswer = z.object({
  example_id: uuidAnswer,
  created_at: timeAnswer,
  inputs: anyAnswer,
  reference: anyAnswer,
  metadata: anyAnswer,
  baseline: raw(z.array(run)),
  candidate: raw(z.array(run)),
  measures: raw(
    z.record(z.string(), z.object({ a: z.number().nullable(), b: z.number().nullable() })),
  ),
})

export type MeasureAnswer = z.output<typeof measureAnswer>

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

/** Which way of a measure is better: as asked, as its config says, or by what it is. */
export function directionOf(
  { key, isScore, isLowerBetter }: Pick<ComparedMeasure, 'key' | 'isScore' | 'isLowerBetter'>,
  directions: CompareRequest['directions'],
): Direction {
  if (directions !== undefined && Object.hasOwn(directions, key)) return directions[key]!
  return (isLowerBetter ?? !isScore) ? 'lower' : 'higher'
}

/** Judges the measures. Those of one comparison that are scores are the family for which p is corrected. */
export function measuresFromRows(
  rows: readonly ComparedMeasure[],
  asked: CompareRequest,
): MeasureAnswer[] {
  const judged = rows.map((row) => {
    const direction = directionOf(row, asked.directions)
    const { margins = {} } = asked
    const margin = Object.hasOwn(margins, row.key) ? margins[row.key]! : 0
    const options = { margin, confidence: asked.confidence, leastPairs: asked.least_pairs }
    return { row, direction, margin, judgement: judgementOf(row, direction, options) }
  })
  const family = judged.filter(({ row, judgement }) => row.isScore && judgement.p !== null)
  const ps = family.map(({ judgement }) => judgement.p!)
  const [holms, shares] = [holm(ps), benjaminiHochberg(ps)]
  const corrected = new Map(family.map((each, i) => [each, { holm: holms[i]!, bh: shares[i]! }]))
  return judged.map((each) => {
    const { row, direction, margin, judgement } = each
    const [better, worse] =
      direction === 'higher' ? [row.higher, row.lower] : [row.lower, row.higher]
    const measure = {
      key: row.key,
      is_score: row.isScore,
      direction,
      pairs: row.pairs,
      baseline_mean: row.baselineMean,
      candidate_mean: row.candidateMean,
      delta: judgement.delta,
      standard_error: judgement.standardError,
      interval: judgement.interval === null ? null : [...judgement.interval],
      p: judgement.p,
      p_holm: corrected.get(each)?.holm ?? null,
      p_benjamini_hochberg: corrected.get(each)?.bh ?? null,
      method: judgement.method,
      effect: judgement.effect,
      detectable: judgement.detectable,
      margin,
      better,
      worse,
      equal: row.equal,
      missing: row.onlyBaseline + row.onlyCandidate,
      only_baseline: row.onlyBaseline,
      only_candidate: row.onlyCandidate,
      unscored: { baseline: row.baselineUnscored, candidate: row.candidateUnscored },
      verdict: judgement.verdict,
    }
    return { ...measure, summary: summaryOf(measure, asked.confidence) }
  })
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

export function validityFromRow(
  row: Coverage,
  baseline: NamedExperiment,
  candidate: NamedExperiment,
): z.output<typeof validityAnswer> {
  const isSameDataset = baseline.datasetId === candidate.datasetId
  const warnings: string[] = []
  const warn = (count: number, what: string): void => {
    if (count > 0) warnings.push(`${count} ${count === 1 ? 'example' : 'examples'} ${what}`)
  }
  if (!isSameDataset) warnings.push('the experiments are of different datasets')
  warn(row.changed, 'changed between the two experiments')
  warn(row.onlyBaseline, 'only in the baseline')
  warn(row.onlyCandidate, 'only in the candidate')
  warn(row.baselineErrored, 'failed in the baseline')
  warn(row.candidateErrored, 'failed in the candidate')
  warn(row.baselineUnfinished, 'unfinished in the baseline')
  warn(row.candidateUnfinished, 'unfinished in the candidate')
  return {
    is_same_dataset: isSameDataset,
    changed_examples: row.changed,
    examples: row.examples,
    both: row.both,
    only_baseline: row.onlyBaseline,
    only_candidate: row.onlyCandidate,
    added: row.added,
    newly_errored: row.newlyErrored,
    errored: { baseline: row.baselineErrored, candidate: row.candidateErrored },
    unfinished: { baseline: row.baselineUnfinished, candidate: row.candidateUnfinished },
    executions: { baseline: row.baselineExecutions, candidate: row.candidateExecutions },
    warnings,
  }
}

export function rowFromExample(row: ComparedExample) {
  const json = (text: string | null) => (text === null ? null : new RawJson(text))
  return {
    example_id: row.id,
    created_at: row.createdAt,
    inputs: json(row.inputs),
    reference: json(row.outputs),
    metadata: json(row.metadata),
    baseline: new RawJson(row.baselineRuns),
    candidate: new RawJson(row.candidateRuns),
    measures: new RawJson(row.measures),
  }
}
