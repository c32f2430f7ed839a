import { useState } from 'preact/hooks'
import type { Comparison, Measure, NamedExperiment, Validity } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { amount, count, counted, difference, probability, short } from '../../parts/format.ts'
import { DifferenceBar } from '../../parts/interval-bar.tsx'
import { CategoryLine } from './categories.tsx'
import { DirectionChoice, DirectionMark } from './direction.tsx'
import { judgedAs } from './judged.ts'
import type { ComparisonState } from './state.ts'
import { verdictTones } from './tone.ts'

/** Whether the two sides can be compared at all, and what a mean would hide. */
export function ValidityLine({ validity }: { validity: Validity }) {
  const { both, changed_examples, is_same_dataset, warnings } = validity
  const isFine = warnings.length === 0
  return (
    <p class={isFine ? 'validity' : 'validity validity-warned'}>
      <Badge tone={isFine ? 'plain' : 'warn'}>{isFine ? 'comparable' : 'look first'}</Badge>
      <span>
        {is_same_dataset && changed_examples === 0 && 'Same examples in the same version. '}
        {counted(both, 'example')} of both
        {warnings.map((warning) => `; ${warning}`)}.
      </span>
    </p>
  )
}

/** One line for each score: which way it went, by how much, how sure that is, and over how many examples. */
export function Verdicts({
  comparison: { candidate, measures, categories },
  baseline,
  state,
  set,
}: {
  comparison: Comparison
  baseline: NamedExperiment
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}) {
  const scores = measures.filter(({ is_score }) => is_score)
  const shown = scores.length > 0 ? scores : measures
  const filled = Math.max(0, ...shown.map((each) => each.if_errored_were_worst?.filled ?? 0))
  return (
    <section class="verdicts" aria-label={`${candidate.name} against ${baseline.name}`}>
      {shown.map((measure) => (
        <VerdictLine key={measure.key} measure={measure} isWorst={state.isErroredWorst} />
      ))}
      {categories.map((category) => (
        <CategoryLine
          key={category.key}
          category={category}
          isOpen={state.category === category.key}
          toggle={() => set({ category: state.category === category.key ? null : category.key })}
        />
      ))}
      {scores.length === 0 && (
        <p class="soft">
          Neither experiment has a score that is a number. Score the runs, with an evaluator of the
          SDK or later, to see which is better.
        </p>
      )}
      {filled > 0 && (
        <label class="check worst-choice">
          <input
            type="checkbox"
            checked={state.isErroredWorst}
            onChange={() => set({ isErroredWorst: !state.isErroredWorst })}
          />
          <span>
            Judge failed executions as if they had the worst score.{' '}
            <span class="soft">
              {state.isErroredWorst
                ? 'The columns below show what was measured.'
                : `${counted(filled, 'example')} without a score ${filled === 1 ? 'is' : 'are'} left out for that reason.`}
            </span>
          </span>
        </label>
      )}
    </section>
  )
}

function VerdictLine({ measure, isWorst }: { measure: Measure; isWorst: boolean }) {
  const judged = judgedAs(measure, isWorst)
  const { key, delta, interval, p, p_holm, verdict, pairs, better, worse, equal, missing } = judged
  const ifWorst = measure.if_errored_were_worst
  const [isAsking, setAsking] = useState(false)
  const isUnknown = measure.direction_source === 'assumed'
  const tone = verdictTones[verdict]
  return (
    <p class="verdict">
      <span class="verdict-key">
        <strong>{key}</strong>
        {measure.is_score && !isUnknown && (
          <DirectionMark measure={measure} change={() => setAsking(!isAsking)} />
        )}
      </span>
      <span class={`verdict-delta tone-${tone}`}>
        {delta === null ? 'no pairs' : difference(measure, delta)}
      </span>
      {delta !== null && (
        <DifferenceBar delta={delta} interval={interval} tone={tone === 'warn' ? 'plain' : tone} />
      )}
      <Badge tone={tone}>{verdict}</Badge>
      <span class="verdict-facts">
        {interval !== null && (
          <span>
            95 % {difference(measure, interval[0])} … {difference(measure, interval[1])}
          </span>
        )}
        {p !== null && (
          <span
            title={`${judged.method}${p_holm === null ? '' : `; Holm over the scores: ${short(p_holm)}`}`}
          >
            p {probability(p)}
          </span>
        )}
        <span>{counted(pairs, 'pair')}</span>
        <span>
          {count(better)} better / {count(worse)} worse / {count(equal)} equal
        </span>
        <span class={missing > 0 ? 'tone-warn' : undefined}>{count(missing)} missing</span>
        {verdict === 'undecided' && judged.detectable !== null && (
          <span
            title={`With ${counted(pairs, 'pair')}, four of five experiments would find a difference of this size. A smaller one may be there unseen.`}
          >
            detects ≥ {amount(measure, judged.detectable)}
          </span>
        )}
        {ifWorst !== null && isWorst && (
          <span>
            {count(ifWorst.filled)} failed as {short(ifWorst.worst)}
          </span>
        )}
        {ifWorst !== null && !isWorst && ifWorst.verdict !== measure.verdict && (
          <span class="tone-warn">{ifWorst.verdict} if failed were worst</span>
        )}
        {measure.is_score && (isUnknown || isAsking) && (
          <DirectionChoice measure={measure} done={() => setAsking(false)} />
        )}
      </span>
    </p>
  )
}
