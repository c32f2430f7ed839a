import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Measure, NamedExperiment } from '../../api/answers.ts'
import type { ExperimentsAnswer } from '../../api/answers.ts'
import { query } from '../../api/client.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { type ComparisonState, linkTo } from './state.ts'
import { changeSigns } from './tone.ts'

/** No id and no name. */
const olderValue = '…'

type Set = (change: Partial<ComparisonState>, options?: { push?: boolean }) => void

/** Which experiments are compared. Others of the dataset can be chosen in their place. */
export function Pickers({
  baseline,
  candidate,
  state,
  set,
}: {
  baseline: NamedExperiment
  candidate: NamedExperiment
  state: ComparisonState
  set: Set
}) {
  const pages = usePages<ExperimentsAnswer>(
    ['experiments', candidate.dataset_id],
    (cursor) =>
      `/api/runmill/datasets/${encodeURIComponent(candidate.dataset_id)}/experiments${query({ cursor, limit: 25 })}`,
  )
  const listed = pages.data?.pages.flatMap((page) => page.experiments) ?? []
  const among = (held: NamedExperiment) =>
    listed.some(({ id }) => id === held.id) ? listed : [held, ...listed]
  const others = { sort: null, change: null, open: null }
  const older = pages.hasNextPage && (
    <option value={olderValue}>
      {pages.isFetchingNextPage ? 'Loading …' : 'Load older experiments …'}
    </option>
  )
  /** Whether the choice was to load what else can be chosen. What was chosen before stays so. */
  const isOlder = (select: HTMLSelectElement, before: string): boolean => {
    if (select.value !== olderValue) return false
    select.value = before
    if (!pages.isFetchingNextPage) void pages.fetchNextPage()
    return true
  }
  return (
    <div class="pickers">
      <label>
        <span>Candidate</span>
        <select
          value={candidate.id}
          onChange={({ currentTarget }) => {
            if (isOlder(currentTarget, candidate.id)) return
            const { value } = currentTarget
            const rest = state.candidates.slice(1).filter((each) => each !== value)
            const isBaseline = value === baseline.id
            set(
              {
                ...others,
                candidates: [value, ...rest],
                ...(isBaseline ? { baseline: null } : {}),
              },
              { push: true },
            )
          }}
        >
          {among(candidate).map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          {older}
        </select>
      </label>
      <label>
        <span>Baseline</span>
        <select
          value={state.baseline === null ? '' : baseline.id}
          onChange={({ currentTarget }) => {
            if (isOlder(currentTarget, state.baseline === null ? '' : baseline.id)) return
            const { value } = currentTarget
            set({ ...others, baseline: value === '' ? null : value }, { push: true })
          }}
        >
          <option value="">
            {state.baseline === null ? `previous: ${baseline.name}` : 'previous'}
          </option>
          {among(baseline)
            .filter(({ id }) => id !== candidate.id)
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          {older}
        </select>
      </label>
      <button
        type="button"
        onClick={() =>
          set({ ...others, candidates: [baseline.id], baseline: candidate.id }, { push: true })
        }
      >
        Swap
      </button>
      <CopyButton label="Copy link" text={() => linkTo(baseline.id)} />
    </div>
  )
}

/** What chooses rows and columns. */
export function Filters({
  measures,
  shown,
  state,
  set,
}: {
  measures: readonly Measure[]
  shown: readonly Measure[]
  state: ComparisonState
  set: Set
}) {
  const [typed, setTyped] = useState(state.search)
  useEffect(() => setTyped(state.search), [state.search])
  // Each search reads all examples: not at every letter.
  useEffect(() => {
    if (typed === state.search) return
    const timer = setTimeout(() => set({ search: typed, open: null }), 250)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <div class="filters">
      <input
        id="find"
        type="search"
        aria-label="Find examples by a text in their input or reference"
        placeholder="Find in examples"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {state.change !== null && (
        <Chip clear={() => set({ change: null })} label="the filter by change">
          {state.change.measure}:{' '}
          {state.change.is.map((each) => changeSigns[each].word).join(' or ')}
        </Chip>
      )}
      {state.sort !== null && (
        <Chip clear={() => set({ sort: null })} label="the order">
          sorted by {state.sort.measure}
        </Chip>
      )}
      <details class="columns">
        <summary>
          Columns {shown.length}/{measures.length}
        </summary>
        <fieldset>
          <legend class="unseen">Columns</legend>
          {measures.map(({ key }) => {
            const isShown = shown.some((each) => each.key === key)
            return (
              <label key={key}>
                <input
                  type="checkbox"
                  checked={isShown}
                  onChange={() =>
                    set({
                      columns: measures
                        .map((each) => each.key)
                        .filter((each) =>
                          each === key ? !isShown : shown.some((one) => one.key === each),
                        ),
                    })
                  }
                />
                {key}
              </label>
            )
          })}
        </fieldset>
      </details>
    </div>
  )
}

function Chip({
  children,
  clear,
  label,
}: {
  children: ComponentChildren
  clear: () => void
  label: string
}) {
  return (
    <span class="chip">
      {children}
      <button type="button" aria-label={`Remove ${label}`} onClick={clear}>
        ×
      </button>
    </span>
  )
}
