import type { ComparedExperiment, Comparison, Measure, Row, Validity } from './comparison.ts'
import { type CliError, exitCodes } from './exit.ts'
import { compareLink } from './page-links.ts'
import type { Regressed } from './regressed.ts'

const dayMs = 86_400_000

/** What a candidate has to meet. */
export interface GateRules {
  /** The scores that are judged; null for all that the two have. */
  scores: readonly string[] | null
  /** The least mean of the candidate, by score. */
  leastMeans: Readonly<Record<string, number>>
  /** Whether the interval of each score is one that holds for all of them at once. */
  isFamilyWise: boolean
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

export interface Reason {
  /** The measure that it is about; null for the whole comparison. */
  key: string | null
  message: string
}

/** docs/gate-verdict.schema.json describes it. */
export interface GateVerdict {
  /** Of this object. */
  version: 1
  outcome: 'pass' | 'fail' | 'cannot judge'
  exit_code: number
  /** Why it is not a pass. */
  reasons: Reason[]
  baseline: ComparedExperiment
  /** In days, when it was judged. */
  baseline_age: number
  candidate: ComparedExperiment
  /** Where people look at the two. */
  url: string
  measures: Measure[]
  /** The scores over which p is corrected by Holm's method. */
  family: string[]
  /** Whether the intervals, and so the verdicts, are corrected over the judged scores too. */
  is_family_wise: boolean
  validity: Validity
  /** By score, the examples that did worse, the worst first. */
  regressed: { key: string; rows: (Row & { url: string })[] }[]
}

/** What is printed where nothing could be judged. */
export function failureVerdict({
  code,
  message,
}: CliError): Pick<GateVerdict, 'version' | 'outcome' | 'exit_code' | 'reasons'> {
  return { version: 1, outcome: 'cannot judge', exit_code: code, reasons: [whole(message)] }
}

/**
 * Judges a candidate. What cannot be judged outranks what fails, because a failure may be due to what is missing.
 * @param at when, in milliseconds since 1970, and the address of the server
 */
export function judgeGate(
  { baseline, comparisons }: Comparison,
  regressed: Regressed[],
  rules: GateRules,
  at: { now: number; url: string },
): GateVerdict {
  const { candidate, measures, validity } = comparisons[0]!
  const judged = measures.filter(({ key, is_score: isScore }) =>
    rules.scores === null ? isScore : rules.scores.includes(key),
  )
  const unclear = unclearReasons(judged, validity, rules)
  const age = at.now - Date.parse(baseline.created_at)
  if (rules.maxBaselineAge !== null && age > rules.maxBaselineAge) {
    unclear.push(whole(`the baseline is ${Math.floor(age / dayMs)} days old`))
  }
  const failures = failureReasons(judged, validity, rules)
  const outcome = unclear.length > 0 ? 'cannot judge' : failures.length > 0 ? 'fail' : 'pass'
  const codes = {
    pass: exitCodes.pass,
    fail: exitCodes.fail,
    'cannot judge': exitCodes.undecidable,
  }
  const pair = { baseline: baseline.id, candidate: candidate.id }
  return {
    version: 1,
    outcome,
    exit_code: codes[outcome],
    reasons: [...unclear, ...failures],
    baseline,
    baseline_age: Math.max(0, Math.floor(age / dayMs)),
    candidate,
    url: compareLink(at.url, pair),
    measures: judged,
    family: judged.filter(({ p_holm: p }) => p !== null).map(({ key }) => key),
    is_family_wise: rules.isFamilyWise,
    validity,
    regressed: regressed.map(({ key, rows }) => ({
      key,
      rows: rows.map((row) => ({
        ...row,
        url: compareLink(at.url, { ...pair, row: row.example_id }),
      })),
    })),
  }
}

function whole(message: string): Reason {
  return { key: null, message }
}

function unclearReasons(
  judged: readonly Measure[],
  validity: Validity,
  { scores, maxMissing }: GateRules,
): Reason[] {
  const reasons: Reason[] = []
  const note = (count: number, most: number, what: string): void => {
    if (count > most) reasons.push(whole(`${examples(count)} ${what}`))
  }
  if (!validity.is_same_dataset) reasons.push(whole('the experiments are of different datasets'))
  if (validity.both === 0) reasons.push(whole('no example is in both experiments'))
  note(validity.unfinished.baseline, 0, 'unfinished in the baseline')
  note(validity.unfinished.candidate, 0, 'unfinished in the candidate')
  note(validity.only_baseline, maxMissing, 'missing in the candidate')
  // What was added to the dataset since, the baseline cannot have.
  note(validity.only_candidate - validity.added, maxMissing, 'missing in the baseline')
  const absent = scores?.filter((key) => judged.every((measure) => measure.key !== key)) ?? []
  for (const key of absent) reasons.push({ key, message: `no numbers for ${key} in either` })
  if (judged.length === 0 && absent.length === 0) {
    reasons.push(whole('the experiments have no scores'))
  }
  for (const { key, verdict, pairs, unscored } of judged) {
    if (verdict === 'cannot judge') reasons.push({ key, message: `${pairs} pairs say nothing` })
    for (const side of ['baseline', 'candidate'] as const) {
      if (unscored[side] <= maxMissing) continue
      reasons.push({ key, message: `${examples(unscored[side])} of the ${side} without a score` })
    }
  }
  return reasons
}

function failureReasons(
  judged: readonly Measure[],
  validity: Validity,
  rules: GateRules,
): Reason[] {
  const reasons: Reason[] = []
  if (validity.errored.candidate > rules.maxErrors) {
    reasons.push(whole(`${examples(validity.errored.candidate)} failed in the candidate`))
  }
  if (rules.noNewFailures && validity.newly_errored > 0) {
    reasons.push(whole(`${examples(validity.newly_errored)} failed that did not before`))
  }
  for (const { key, verdict, worse, candidate_mean: mean, margin, direction } of judged) {
    const say = (message: string): void => void reasons.push({ key, message })
    if (verdict === 'worse') say('it is worse')
    if (verdict === 'undecided' && rules.undecided === 'fail') {
      say(`it may be worse by more than ${margin}`)
    }
    const least = rules.leastMeans[key]
    if (least !== undefined && mean !== null) {
      const isBelow = direction === 'higher' ? mean < least : mean > least
      if (isBelow) say(`its mean is ${Number(mean.toPrecision(4))}, not ${least}`)
    }
    if (rules.noNewFailures && worse > 0) say(`${examples(worse)} worse than before`)
  }
  return reasons
}

function examples(count: number): string {
  return count === 1 ? '1 example' : `${count} examples`
}
