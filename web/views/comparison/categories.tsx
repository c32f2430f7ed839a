import './categories.css'
import type { Category } from '../../api/answers.ts'
import { Badge, type Tone } from '../../parts/badge.tsx'
import { count, counted, percent, points, probability } from '../../parts/format.ts'
import { DifferenceBar } from '../../parts/interval-bar.tsx'
import { TableFrame } from '../../parts/table-frame.tsx'

const tones: Record<Category['verdict'], Tone> = {
  different: 'noted',
  undecided: 'plain',
  identical: 'plain',
  'cannot judge': 'warn',
}

/** A score that has labels, in one line: how many examples have another label, and the label that changed most. */
export function CategoryLine({
  category,
  isOpen,
  toggle,
}: {
  category: Category
  isOpen: boolean
  toggle: () => void
}) {
  const { key, verdict, pairs, moved, stuart_maxwell, shares, only_baseline, only_candidate } =
    category
  const most = shares.reduce<Category['shares'][number] | null>(
    (held, share) => (Math.abs(share.delta ?? 0) > Math.abs(held?.delta ?? 0) ? share : held),
    null,
  )
  const missing = only_baseline + only_candidate
  const ps = shares.flatMap(({ p_holm }) => (p_holm === null ? [] : [p_holm]))
  return (
    <div class="verdict">
      <span class="verdict-key">
        <strong>{key}</strong>
      </span>
      <span class="verdict-delta">{most === null ? '0 pt' : points(most.delta!)}</span>
      {most === null ? (
        <span />
      ) : (
        <DifferenceBar delta={most.delta!} interval={most.interval} tone="plain" />
      )}
      <Badge tone={tones[verdict]}>{verdict}</Badge>
      <span class="verdict-facts">
        {most !== null && (
          <span>
            most: {most.label} {percent(most.baseline!)} → {percent(most.candidate!)}
          </span>
        )}
        {stuart_maxwell !== null && (
          <span title="Stuart and Maxwell: whether the shares of the labels differ">
            p {probability(stuart_maxwell.p)}
          </span>
        )}
        {moved === null && ps.length > 0 && (
          <span title="Corrected over the labels (Holm)">
            least p of a label {probability(Math.min(...ps))}
          </span>
        )}
        <span>{counted(pairs, 'pair')}</span>
        {moved !== null && <span>{count(moved)} moved</span>}
        <span class={missing > 0 ? 'tone-warn' : undefined}>{count(missing)} missing</span>
        <button type="button" class="quiet direction" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? '▾' : '▸'} labels<span class="unseen"> of {key}</span>
        </button>
      </span>
    </div>
  )
}

/** The labels of a category: which examples moved from where to where, and the share of each label on both sides. */
export function CategoryTables({ category }: { category: Category }) {
  const { key, labels, moves, pairs, stuart_maxwell, bowker } = category
  return (
    <section class="category" aria-label={`Labels of ${key}`}>
      <div class="category-tables">
        {moves === null ? (
          <p class="soft">
            Examples have several executions or labels, so the shares are of the executions within
            each example, and no example moves as a whole.
          </p>
        ) : (
          <Moves labels={labels} moves={moves} pairs={pairs} name={key} />
        )}
        <Shares category={category} />
      </div>
      {(stuart_maxwell !== null || bowker !== null) && (
        <p class="soft">
          {stuart_maxwell !== null &&
            `Do the shares differ? Stuart–Maxwell χ² ${stuart_maxwell.statistic.toFixed(2)}, df ${stuart_maxwell.df}, p ${probability(stuart_maxwell.p)}. `}
          {bowker !== null &&
            `Do as many move each way? Bowker χ² ${bowker.statistic.toFixed(2)}, df ${bowker.df}, p ${probability(bowker.p)}.`}
        </p>
      )}
    </section>
  )
}

function Moves({
  labels,
  moves,
  pairs,
  name,
}: {
  labels: readonly string[]
  moves: readonly (readonly number[])[]
  pairs: number
  name: string
}) {
  const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0)
  return (
    <TableFrame label={`Moves of ${name}`}>
      <table class="table moves">
        <caption>
          From the baseline’s label <span aria-hidden="true">↓</span> to the candidate’s{' '}
          <span aria-hidden="true">→</span>
        </caption>
        <thead>
          <tr>
            <td />
            {labels.map((label) => (
              <th scope="col" class="cut" key={label} title={label}>
                {label}
              </th>
            ))}
            <th scope="col" class="total">
              Baseline
            </th>
          </tr>
        </thead>
        <tbody>
          {moves.map((row, from) => (
            <tr key={labels[from]}>
              <th scope="row">{labels[from]}</th>
              {row.map((pairsHere, to) => (
                <td
                  key={labels[to]}
                  class={from === to ? 'stayed' : pairsHere === 0 ? 'none' : 'moved'}
                  style={from === to ? undefined : { '--share': `${(pairsHere / pairs) * 100}%` }}
                >
                  {count(pairsHere)}
                </td>
              ))}
              <td class="total">{count(sum(row))}</td>
            </tr>
          ))}
          <tr>
            <th scope="row" class="total">
              Candidate
            </th>
            {labels.map((label, to) => (
              <td class="total" key={label}>
                {count(sum(moves.map((row) => row[to]!)))}
              </td>
            ))}
            <td class="total">{count(pairs)}</td>
          </tr>
        </tbody>
      </table>
    </TableFrame>
  )
}

function Shares({ category: { key, shares } }: { category: Category }) {
  return (
    <TableFrame label={`Shares of ${key}`}>
      <table class="table shares">
        <caption>Share of each label</caption>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col" class="number">
              Baseline
            </th>
            <th scope="col" class="number">
              Candidate
            </th>
            <th scope="col">Difference, 95 %</th>
            <th scope="col" class="number">
              p (Holm)
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map(({ label, baseline, candidate, delta, interval, p_holm, method }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td class="number">{baseline === null ? 'none' : percent(baseline)}</td>
              <td class="number">{candidate === null ? 'none' : percent(candidate)}</td>
              <td>
                {delta === null ? (
                  <span class="faint">no pairs</span>
                ) : (
                  <span class="mean">
                    <span class="mean-value">{points(delta)}</span>
                    <DifferenceBar delta={delta} interval={interval} tone="plain" />
                    {interval !== null && (
                      <span class="note">
                        {points(interval[0])} … {points(interval[1])}
                      </span>
                    )}
                  </span>
                )}
              </td>
              <td class="number" title={method}>
                {p_holm === null ? 'none' : probability(p_holm)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  )
}
