import { useMemo } from 'preact/hooks'
import { put, useSearchState } from '../../url/search.ts'

export const changes = ['improved', 'regressed', 'equal', 'missing'] as const
export type Change = (typeof changes)[number]

export interface Sort {
  measure: string
  by: 'difference' | 'baseline' | 'candidate'
  order: 'asc' | 'desc'
}

/** Everything that the address says of a comparison. */
export interface ComparisonState {
  /** Id or name; null: the experiment before the first candidate. */
  baseline: string | null
  candidates: readonly string[]
  sort: Sort | null
  /** Only rows whose measure changed in one of these ways. */
  change: { measure: string; is: readonly Change[] } | null
  /** Only examples that hold this text. */
  search: string
  /** Keys of the measures that have a column; null for those that are shown unless somebody chooses. */
  columns: readonly string[] | null
  /** Ids of the further candidates whose values stand beside those of the first; null for those that usually do. */
  beside: readonly string[] | null
  /** Whether failed executions are judged as if they had the worst score. */
  isErroredWorst: boolean
  /** The category whose labels are shown. */
  category: string | null
  /** The example that is shown open. */
  open: string | null
}

/**
 * The state of a comparison, from the address and back. Names of measures may hold anything, so each part has a
 * parameter of its own.
 */
export function useComparisonState(): [
  ComparisonState,
  (change: Partial<ComparisonState>, options?: { push?: boolean }) => void,
] {
  const [parameters, update] = useSearchState()
  const state = useMemo(() => readState(parameters), [parameters])
  return [state, (change, options) => update((next) => writeState(next, change), options)]
}

/** The address of what is shown, for others: `previous` may mean another experiment tomorrow, so the baseline is named. */
export function linkTo(baseline: string): string {
  const url = new URL(location.href)
  url.searchParams.set('baseline', baseline)
  return url.href
}

function readState(parameters: URLSearchParams): ComparisonState {
  const get = (name: string) => parameters.get(name) || null
  const sort = get('sort')
  const by = get('by')
  const filtered = get('filter')
  const is = (get('change') ?? '')
    .split(',')
    .filter((each): each is Change => (changes as readonly string[]).includes(each))
  return {
    baseline: get('baseline'),
    candidates: parameters.getAll('candidate').filter((each) => each !== ''),
    sort:
      sort === null
        ? null
        : {
            measure: sort,
            by: by === 'baseline' || by === 'candidate' ? by : 'difference',
            order: get('order') === 'desc' ? 'desc' : 'asc',
          },
    change: filtered === null || is.length === 0 ? null : { measure: filtered, is },
    search: get('search') ?? '',
    columns: getSome(parameters, 'column'),
    beside: getSome(parameters, 'beside'),
    isErroredWorst: get('errored') === 'worst',
    category: get('category'),
    open: get('open'),
  }
}

function writeState(parameters: URLSearchParams, change: Partial<ComparisonState>): void {
  const { sort, change: chosen, candidates } = change
  if (change.baseline !== undefined) put(parameters, 'baseline', change.baseline)
  if (candidates !== undefined) putAll(parameters, 'candidate', candidates)
  if (sort !== undefined) {
    put(parameters, 'sort', sort?.measure ?? null)
    put(parameters, 'by', sort?.by ?? null, 'difference')
    put(parameters, 'order', sort?.order ?? null, 'asc')
  }
  if (chosen !== undefined) {
    put(parameters, 'filter', chosen?.measure ?? null)
    put(parameters, 'change', chosen?.is.join(',') ?? null)
  }
  if (change.search !== undefined) put(parameters, 'search', change.search)
  if (change.columns !== undefined) putSome(parameters, 'column', change.columns)
  if (change.beside !== undefined) putSome(parameters, 'beside', change.beside)
  if (change.isErroredWorst !== undefined)
    put(parameters, 'errored', change.isErroredWorst ? 'worst' : null)
  if (change.category !== undefined) put(parameters, 'category', change.category)
  if (change.open !== undefined) put(parameters, 'open', change.open)
}

/** @returns null where nobody has chosen */
function getSome(parameters: URLSearchParams, name: string): string[] | null {
  return parameters.has(name) ? parameters.getAll(name).filter(Boolean) : null
}

/** One without a name says that none is chosen. */
function putSome(
  parameters: URLSearchParams,
  name: string,
  values: readonly string[] | null,
): void {
  if (values === null) parameters.delete(name)
  else putAll(parameters, name, values.length === 0 ? [''] : values)
}

function putAll(parameters: URLSearchParams, name: string, values: readonly string[]): void {
  parameters.delete(name)
  for (const value of values) parameters.append(name, value)
}
