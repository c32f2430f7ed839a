import type { Measure } from '../../api/answers.ts'

/** A measure with the figures of its judgement if failed executions had the worst score, where that is wanted. */
export function judgedAs(measure: Measure, isWorst: boolean): Measure {
  const worst = measure.if_errored_were_worst
  return isWorst && worst !== null ? { ...measure, ...worst, p_holm: null } : measure
}
