import { type InfiniteData, keepPreviousData, useInfiniteQuery } from '@tanstack/preact-query'
import { request } from '../../api/client.ts'
import type { CompareAnswer, ComparisonRow, ShortRun, Values } from '../../api/answers.ts'
import { useLive } from '../../parts/live.ts'
import { preview } from '../../parts/preview.ts'
import type { ComparisonState } from './state.ts'

/** What is kept of a row: large inputs stay on the server until the row is opened. */
export interface Row {
  id: string
  text: string
  baseline: Side
  candidate: Side
  measures: Values
  /** What further candidates have of it, by their ids. */
  others: Readonly<Record<string, { side: Side; measures: Values }>>
}

/** What an experiment made of an example. */
export interface Side {
  /** At most `mostListed`. */
  executions: number
  failed: number
  unfinished: number
}

interface Page extends Omit<CompareAnswer, 'rows'> {
  rows: Row[]
}

const rowsPerPage = 100

/** Of each side, the API lists so many executions of an example. */
export const mostListed = 100

/** While an experiment runs, the comparison is read again so often, in milliseconds. */
const liveMs = 5000

/**
 * Reads a comparison, with its rows page by page. What is shown stays until what was asked for has come. With a search
 * only the rows are read, because measures are of all examples.
 */
export function useComparison(
  { baseline, candidates, sort, change, search }: ComparisonState,
  isWanted = true,
) {
  const asked = {
    candidates,
    baseline: baseline ?? 'previous',
    ...(sort === null ? {} : { sort }),
    ...(change === null ? {} : { change }),
    ...(search === '' ? {} : { examples: { text: search }, summary: false }),
    limit: rowsPerPage,
  }
  const live = useLive(liveMs)
  const queryKey = ['compare', asked]
  return useInfiniteQuery({
    queryKey,
    queryFn: async ({ client, pageParam, signal }): Promise<Page> => {
      // Further pages need no measures.
      const cursor = pageParam === null ? {} : { cursor: pageParam, summary: false }
      const read = async (bodies: 'full' | 'none') =>
        request<CompareAnswer>('/api/runmill/compare', {
          method: 'POST',
          body: { ...asked, ...cursor, bodies },
          signal,
        })
      const held = client.getQueryData<InfiniteData<Page, string | null>>(queryKey)
      if (held?.pageParams.includes(pageParam) === true) {
        // What was read before has its text already, and inputs may be large.
        const texts = new Map(
          held.pages.flatMap(({ rows }) => rows.map(({ id, text }) => [id, text])),
        )
        const again = await read('none')
        if (again.rows.every((row) => texts.has(row.example_id))) {
          return { ...again, rows: again.rows.map((row) => rowOf(row, texts.get(row.example_id)!)) }
        }
      }
      const answer = await read('full')
      return { ...answer, rows: answer.rows.map((row) => rowOf(row, preview(row.inputs))) }
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: isWanted && candidates.length > 0,
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? []
      const unfinished = pages[0]?.comparisons.some(
        ({ validity }) => validity.unfinished.candidate + validity.unfinished.baseline > 0,
      )
      // All pages are read again, so not where somebody has scrolled far.
      return live(state.data, unfinished === true && pages.length === 1)
    },
  })
}

function rowOf(row: ComparisonRow, text: string): Row {
  return {
    id: row.example_id,
    text,
    baseline: sideOf(row.baseline),
    candidate: sideOf(row.candidate),
    measures: row.measures,
    others: Object.fromEntries(
      row.others.map(({ candidate_id: id, runs, measures }) => [
        id,
        { side: sideOf(runs), measures },
      ]),
    ),
  }
}

function sideOf(runs: readonly ShortRun[]): Side {
  const counts = { executions: runs.length, failed: 0, unfinished: 0 }
  for (const { status } of runs) {
    if (status === 'error') counts.failed += 1
    else if (status === 'pending') counts.unfinished += 1
  }
  return counts
}
