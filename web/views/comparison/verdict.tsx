import type { CompareAnswer, Measure, NamedExperiment } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { amount, count, counted, difference, short } from '../../parts/format.ts'
import { DifferenceBar } from '../../parts/interval-bar.tsx'
import { verdictTones } from './tone.ts'

type Comparison = CompareAnswer['comparisons'][number]

/** Whether the two sides can be compared at all, and what a mean would hide. */
export function ValidityLine({ validity }: { validity: Comparison['validity'] }) {
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
  comparison,
  baseline,
}: {
  comparison: Comparison
  baseline: NamedExperiment
}) {
  const scores = comparison.measures.filter(({ is_score }) => is_score)
  const shown = scores.length > 0 ? scores : comparison.measures
  return (
    <section class="verdicts" aria-label={`${comparison.candidate.name} against ${baseline.name}`}>
      {shown.map((measure) => (
        <VerdictLine key={measure.key} measure={measure} />
      ))}
      {scores.length === 0 && (
        <p class="soft">
          Neither experiment has a score that is a number. Score the runs, with an evaluator of the
          SDK or later, to see which is better.
        </p>
      )}
    </section>
  )
}

export function VerdictLine({ measure }: { measure: Measure }) {
  const { key, delta, interval, p, p_holm, verdict, pairs, better, worse, equal, missing } = measure
  const tone = verdictTones[verdict]
  return (
    <p class="verdict">
      <strong class="verdict-key">{key}</strong>
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
            title={`${measure.method}${p_holm === null ? '' : `; Holm over the scores: ${short(p_holm)}`}`}
          >
            p {probability(p)}
          </span>
        )}
        <span>{counted(pairs, 'pair')}</span>
        <span>
          {count(better)} better / {count(worse)} worse / {count(equal)} equal
        </span>
        <span class={missing > 0 ? 'tone-warn' : undefined}>{count(missing)} missing</span>
        {verdict === 'undecided' && measure.detectable !== null && (
          <span
            title={`With ${counted(pairs, 'pair')}, four of five experiments would find a difference of this size. A smaller one may be there unseen.`}
          >
            detects ≥ {amount(measure, measure.detectable)}
          </span>
        )}
      </span>
    </p>
  )
}

function probability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : String(Number(p.toPrecision(2)))
}

/** With several candidates: each beside the others, and which of them the rows show. */
export function Candidates({
  comparisons,
  show,
}: {
  comparisons: readonly Comparison[]
  show: (id: string) => void
}) {
  const keys = [...new Set(comparisons.flatMap(({ measures }) => measures.map(({ key }) => key)))]
  return (
    <div class="table-frame candidates">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Candidate</th>
            {keys.map((key) => (
              <th scope="col" key={key}>
                {key}
              </th>
            ))}
            <th scope="col">
              <span class="unseen">Rows</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {comparisons.map(({ candidate, measures }, index) => (
            <tr key={candidate.id} class={index === 0 ? 'chosen' : undefined}>
              <th scope="row">{candidate.name}</th>
              {keys.map((key) => {
                const measure = measures.find((each) => each.key === key)
                return (
                  <td key={key}>
                    {measure === undefined || measure.delta === null ? (
                      <span class="faint">no pairs</span>
                    ) : (
                      <>
                        <span class={`mean-value tone-${verdictTones[measure.verdict]}`}>
                          {difference(measure, measure.delta)}
                        </span>{' '}
                        <Badge tone={verdictTones[measure.verdict]}>{measure.verdict}</Badge>
                      </>
                    )}
                  </td>
                )
              })}
              <td>
                {index === 0 ? (
                  <span class="soft">shown below</span>
                ) : (
                  <button type="button" onClick={() => show(candidate.id)}>
                    Show rows
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
