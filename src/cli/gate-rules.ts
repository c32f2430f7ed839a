import type { ComparedExperiment, Comparison, Measure, Validity } from './comparison.ts'
import { exitCodes } from './exit.ts'
import type { Regressed } from './regressed.ts'

/** What a candidate has to meet. */
export interface GateRules {
  /** The scores that are judged; null for all that the two have. */
  scores: readonly string[] | null
  /** The least mean of the candidate, by score. */
  leastMeans: Readonly<Record<string, number>>
  /** No example may do worse than before in a score. */
  noNewFailures: boolean
  /** Examples of the baseline that the candidate may lack, or of which it may lack a score. */
  maxMissing: number
  /** Examples of the candidate that may have failed. */
  maxErrors: number
  /** Milliseconds; null for any age. */
  maxBaselineAge: number | null
  /** What an undecided score means. */
  undecided: 'pass' | 'fail'
}

export interface GateVerdict {
  /** Of this object. */
  version: 1
  outcome: 'pass' | 'fail' | 'cannot judge'
  exit_code: number
  /** Why it is not a pass. */
  reasons: string[]
  baseline: ComparedExperiment
  candidate: ComparedExperiment
  measures: Measure[]
  /** The scores over which p is corrected by Holm's method. */
  family: string[]
  validity: Validity
  regressed: Regressed[]
}

/**
 * Judges a candidate. What cannot be judged outranks what fails, because a failure may be due to what is missing.
 * @param now milliseconds since 1970
 */
export function judgeGate(
  { baseline, comparisons }: Comparison,
  regressed: Regressed[],
  rules: GateRules,
  now: number,
): GateVerdict {
  const { candidate, measures, validity } = comparisons[0]!
  const judged = measures.filter(({ key, is_score: isScore }) =>
    rules.scores === null ? isScore : rules.scores.includes(key),
  )
  const unclear = unclearReasons(judged, validity, rules)
  const age = now - Date.parse(baseline.created_at)
  if (rules.maxBaselineAge !== null && age > rules.maxBaselineAge) {
    unclear.push(`the baseline is ${Math.floor(age / 86_400_000)} days old`)
  }
  const failures = failureReasons(judged, validity, rules)
  const outcome = unclear.length > 0 ? 'cannot judge' : failures.length > 0 ? 'fail' : 'pass'
  const codes = {
    pass: exitCodes.pass,
    fail: exitCodes.fail,
    'cannot judge': exitCodes.undecidable,
  }
  return {
    version: 1,
    outcome,
    exit_code: codes[outcome],
    reasons: [...unclear, ...failures],
    baseline,
    candidate,
    measures: judged,
    family: judged.filter(({ p_holm: p }) => p !== null).map(({ key }) => key),
    validity,
    regressed,
  }
}

function unclearReasons(
  judged: readonly Measure[],
  validity: Validity,
  rules: GateRules,
): string[] {
  const reasons: string[] = []
  if (!validity.is_same_dataset) reasons.push('the experiments are of different datasets')
  if (validity.both === 0) reasons.push('no example is in both experiments')
  const { candidate: unfinished } = validity.unfinished
  if (unfinished > 0) reasons.push(`${unfinished} examples of the candidate are unfinished`)
  if (validity.only_baseline > rules.maxMissing) {
    reasons.push(`${validity.only_baseline} examples of the baseline are missing in the candidate`)
  }
  const absent = rules.scores?.filter((key) => judged.every((measure) => measure.key !== key)) ?? []
  for (const key of absent) reasons.push(`neither experiment has the score ${key}`)
  if (judged.length === 0 && absent.length === 0) reasons.push('the experiments have no scores')
  for (const { key, verdict, pairs, only_baseline: missing } of judged) {
    if (verdict === 'cannot judge') reasons.push(`${key}: ${pairs} pairs say nothing`)
    // Examples that failed have no score, and are counted as failed.
    const unscored = missing - validity.only_baseline - validity.errored.candidate
    if (unscored > rules.maxMissing) reasons.push(`${key}: ${unscored} examples have no score yet`)
  }
  return reasons
}

function failureReasons(
  judged: readonly Measure[],
  validity: Validity,
  rules: GateRules,
): string[] {
  const reasons: string[] = []
  if (validity.errored.candidate > rules.maxErrors) {
    reasons.push(`${validity.errored.candidate} examples of the candidate failed`)
  }
  for (const measure of judged) {
    const { key, verdict, worse, candidate_mean: mean, margin } = measure
    if (verdict === 'worse') reasons.push(`${key} is worse`)
    if (verdict === 'undecided' && rules.undecided === 'fail') {
      reasons.push(`${key} may be worse by more than ${margin}`)
    }
    const least = rules.leastMeans[key]
    if (least !== undefined && mean !== null) {
      const isBelow = measure.direction === 'higher' ? mean < least : mean > least
      if (isBelow)
        reasons.push(`the mean of ${key} is ${Number(mean.toPrecision(4))}, not ${least}`)
    }
    if (rules.noNewFailures && worse > 0)
      reasons.push(`${key}: ${worse} examples are worse than before`)
  }
  return reasons
}
