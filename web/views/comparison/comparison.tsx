import '../../styles/comparison.css'
import { lazy, Suspense } from 'preact/compat'
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { Measure } from '../../api/answers.ts'
import { ApiError } from '../../api/client.ts'
import { Empty, Snippet } from '../../parts/empty.tsx'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { datasetsUrl, datasetUrl } from '../../url/addresses.ts'
import { besideOf, Candidates } from './candidates.tsx'
import { CategoryTables } from './categories.tsx'
import { useKeys } from './keys.ts'
import { type Row, useComparison } from './read.ts'
import { Rows } from './rows.tsx'
import { type ComparisonState, useComparisonState } from './state.ts'
import { Filters, Pickers } from './toolbar.tsx'
import { ValidityLine, Verdicts } from './verdict.tsx'

const Drawer = lazy(async () => import('./drawer.tsx'))

/** So many columns are shown unless somebody chooses: those of scores first. */
const usualColumns = 8

/** Whether a candidate is better than the baseline, and where it is worse. All of its state is in the address. */
export default function Comparison() {
  const [state, set] = useComparisonState()
  const all = useComparison({ ...state, search: '' })
  const found = useComparison(state, state.search !== '')
  const pages = state.search === '' ? all : found
  const [active, setActive] = useState(-1)
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages
  const data = pages.data ?? all.data
  const first = all.data?.pages[0]
  const rows = useMemo(() => flatten(data?.pages ?? []), [data])
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])

  const open = useCallback(
    (index: number) => {
      const row = rows[index]
      if (row === undefined) return
      setActive(index)
      set({ open: row.id })
    },
    [rows, set],
  )
  const close = () => {
    set({ open: null })
    if (state.open !== null) document.getElementById(`row-${state.open}`)?.focus()
  }
  const opened = state.open === null ? -1 : rows.findIndex(({ id }) => id === state.open)
  const at = opened === -1 ? active : opened
  useKeys({
    move: (by) => {
      const next = Math.min(Math.max(at + by, 0), rows.length - 1)
      if (state.open !== null) open(next)
      else {
        setActive(next)
        requestAnimationFrame(() => {
          document.getElementById(`row-${rows[next]?.id ?? ''}`)?.focus({ preventScroll: true })
        })
      }
    },
    enter: () => open(Math.max(at, 0)),
    leave: close,
    isOpen: state.open !== null,
  })
  useEffect(() => setActive(-1), [state.sort, state.change, state.search])

  const beside = useMemo(
    () => besideOf(first?.comparisons ?? [], state.beside),
    [first, state.beside],
  )

  if (state.candidates.length === 0) return <NothingChosen />
  if (first === undefined) {
    if (!all.isError) return <Loading what="Comparing" />
    return <Failure error={all.error} again={() => void all.refetch()} state={state} />
  }
  const [comparison] = first.comparisons
  if (comparison === undefined) return <NothingChosen />
  const { baseline } = first
  const { candidate, measures, validity } = comparison
  const shown = shownMeasures(measures, state.columns)
  const category = comparison.categories.find(({ key }) => key === state.category)

  return (
    <div class={state.open === null ? 'comparison' : 'comparison comparison-open'}>
      <Head
        title={candidate.name}
        note={`against ${baseline.name}`}
        crumbs={[
          { label: 'Datasets', href: datasetsUrl() },
          { label: candidate.dataset_name, href: datasetUrl(candidate.dataset_id) },
        ]}
      >
        <Pickers baseline={baseline} candidate={candidate} state={state} set={set} />
      </Head>
      <ValidityLine validity={validity} />
      <Verdicts comparison={comparison} baseline={baseline} state={state} set={set} />
      {category !== undefined && <CategoryTables category={category} />}
      {first.comparisons.length > 1 && (
        <Candidates comparisons={first.comparisons} beside={beside} state={state} set={set} />
      )}
      <Filters measures={measures} shown={shown} state={state} set={set} />
      {pages.isError && <Problem error={pages.error} again={() => void pages.refetch()} />}
      {rows.length === 0 && !pages.isPending && !pages.isPlaceholderData ? (
        <NoRows state={state} set={set} />
      ) : (
        <Rows
          rows={rows}
          total={totalOf(state, measures, validity.examples)}
          hasMore={hasNextPage}
          more={more}
          measures={shown}
          beside={beside}
          active={at}
          open={open}
          state={state}
          set={set}
        />
      )}
      {state.open !== null && (
        <Suspense fallback={null}>
          <Drawer
            id={state.open}
            place={opened === -1 ? null : opened}
            baseline={baseline}
            candidate={candidate}
            measures={measures}
            row={rows[opened]}
            move={(by) => open(Math.min(Math.max(opened + by, 0), rows.length - 1))}
            close={close}
          />
        </Suspense>
      )}
    </div>
  )
}

/** All pages but the last have the same length, so rows stay where they are. */
function flatten(pages: readonly { rows: Row[] }[]): Row[] {
  const rows: Row[] = []
  for (const page of pages) for (const row of page.rows) rows.push(row)
  return rows
}

function shownMeasures(measures: readonly Measure[], columns: readonly string[] | null): Measure[] {
  if (columns === null) return measures.slice(0, usualColumns)
  return measures.filter(({ key }) => columns.includes(key))
}

/** The number of rows that are chosen, from the counts that the answer has anyway. */
function totalOf({ change, search }: ComparisonState, measures: readonly Measure[], all: number) {
  if (search !== '') return null
  if (change === null) return all
  const measure = measures.find(({ key }) => key === change.measure)
  if (measure === undefined || change.is.includes('missing')) return null
  const counts = {
    improved: measure.better,
    regressed: measure.worse,
    equal: measure.equal,
    missing: 0,
  }
  return change.is.reduce((sum, each) => sum + counts[each], 0)
}

function NoRows({
  state,
  set,
}: {
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}) {
  const isNarrowed = state.change !== null || state.search !== ''
  return (
    <Empty
      title={isNarrowed ? 'No example is like that' : 'Neither experiment has executed an example'}
    >
      {isNarrowed ? (
        <button type="button" onClick={() => set({ change: null, search: '' })}>
          Show all examples
        </button>
      ) : (
        <p>They appear as soon as runs arrive that refer to examples of the dataset.</p>
      )}
    </Empty>
  )
}

function NothingChosen() {
  return (
    <>
      <Head title="Comparison" crumbs={[{ label: 'Datasets', href: datasetsUrl() }]} />
      <Empty title="No experiment is chosen">
        <p>
          Open a <Link href={datasetsUrl()}>dataset</Link> and choose an experiment. It is compared
          with the one before it.
        </p>
      </Empty>
    </>
  )
}

function Failure({
  error,
  again,
  state,
}: {
  error: unknown
  again: () => void
  state: ComparisonState
}) {
  const isFirst = error instanceof ApiError && error.status === 404 && state.baseline === null
  return (
    <>
      <Head title="Comparison" crumbs={[{ label: 'Datasets', href: datasetsUrl() }]} />
      {isFirst ? (
        <Empty title={error.message}>
          <p>Run a second experiment on the dataset, or name the baseline yourself:</p>
          <Snippet>{`${location.pathname}${location.search}&baseline=<id or name>`}</Snippet>
        </Empty>
      ) : (
        <Problem error={error} again={again} />
      )}
    </>
  )
}
