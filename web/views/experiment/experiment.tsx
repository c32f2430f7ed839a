import '../../styles/views.css'
import './experiment.css'
import { useQuery } from '@tanstack/preact-query'
import { lazy, Suspense } from 'preact/compat'
import { useCallback, useEffect, useRef } from 'preact/hooks'
import { Link, Redirect } from 'wouter-preact'
import type { SummaryAnswer } from '../../api/answers.ts'
import { ApiError, query, request } from '../../api/client.ts'
import type { ItemsAnswer } from '../../api/run-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { Empty } from '../../parts/empty.tsx'
import {
  compactCount,
  cost,
  count,
  counted,
  duration,
  exactTime,
  short,
} from '../../parts/format.ts'
import { MeanBar } from '../../parts/interval-bar.tsx'
import { useLive } from '../../parts/live.ts'
import { Loading } from '../../parts/loading.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { compareUrl, datasetsUrl, datasetUrl, runsOfUrl } from '../../url/addresses.ts'
import { put, useSearchState } from '../../url/search.ts'
import { ItemTable } from './item-table.tsx'

const Drawer = lazy(async () => import('./example-drawer.tsx'))

const liveMs = 3000
const pageRows = 50

/** One experiment: its means with intervals, and what it made of each example. */
export default function Experiment({ params }: { params: { experiment?: string } }) {
  const id = params.experiment ?? ''
  const [parameters, update] = useSearchState()
  const sort = parameters.get('sort')
  const order = parameters.get('order') === 'desc' ? 'desc' : 'asc'
  const open = parameters.get('example')
  const live = useLive(liveMs)
  const summary = useQuery({
    queryKey: ['summary-of-one', id],
    queryFn: async ({ signal }) =>
      request<SummaryAnswer>(`/api/runmill/experiments/${encodeURIComponent(id)}/summary`, {
        signal,
      }),
    refetchInterval: ({ state }) => live(state.data, (state.data?.unfinished ?? 0) > 0),
  })
  const isUnfinished = (summary.data?.unfinished ?? 0) > 0
  const pages = usePages<ItemsAnswer>(
    ['items', id, sort, order],
    (cursor) =>
      `/api/runmill/experiments/${encodeURIComponent(id)}/items${query({ sort, order, cursor, limit: pageRows })}`,
    // All pages are read again, so not where somebody has read several.
    (read) => (read.length > 1 ? false : live(summary.data, isUnfinished)),
  )
  const wasUnfinished = useRef(false)
  useEffect(() => {
    if (wasUnfinished.current && !isUnfinished) void pages.refetch()
    wasUnfinished.current = isUnfinished
  }, [isUnfinished])
  const items = pages.data?.pages.flatMap((page) => page.items) ?? []
  const at = items.findIndex(({ example_id }) => example_id === open)
  const show = useCallback(
    (example: string | null) => update((next) => put(next, 'example', example)),
    [update],
  )
  useEffect(() => {
    if (open === null) return
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).matches('input, select, textarea')
      if (isTyping || event.altKey || event.ctrlKey || event.metaKey) return
      if (event.key === 'Escape') show(null)
      else if (event.key === 'j' && at >= 0) show(items[at + 1]?.example_id ?? open)
      else if (event.key === 'k' && at > 0) show(items[at - 1]!.example_id)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [open, at, items, show])

  const { data } = summary
  // SDKs print one address for experiments and for projects without a dataset.
  if (summary.error instanceof ApiError && summary.error.status === 404)
    return <Redirect to={runsOfUrl(id)} replace />
  return (
    <>
      <Head
        title={data?.experiment.name ?? 'Experiment'}
        crumbs={[
          { label: 'Datasets', href: datasetsUrl() },
          ...(data === undefined
            ? []
            : [
                {
                  label: data.experiment.dataset_name,
                  href: datasetUrl(data.experiment.dataset_id),
                },
              ]),
        ]}
      >
        <Link href={runsOfUrl(id)}>Its runs</Link>
        <Link href={compareUrl([id])} class="button">
          Compare with the one before
        </Link>
      </Head>
      {summary.isPending && <Loading />}
      {summary.isError && <Problem error={summary.error} again={() => void summary.refetch()} />}
      {data !== undefined && <Summary summary={data} />}
      {data !== undefined && pages.isPending && <Loading />}
      {data !== undefined && pages.isError && (
        <Problem error={pages.error} again={() => void pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && (
        <Empty title="This experiment has executed nothing yet">
          <p>What its evaluation executes appears here while it runs.</p>
        </Empty>
      )}
      {items.length > 0 && data !== undefined && (
        <ItemTable
          items={items}
          keys={data.measures.filter(({ is_score }) => is_score).map(({ key }) => key)}
          sort={sort}
          order={order}
          open={open}
          sortBy={(key, next) =>
            update((parameters) => {
              put(parameters, 'sort', key)
              put(parameters, 'order', next, 'asc')
            })
          }
          show={show}
        />
      )}
      <MoreButton
        hasMore={pages.hasNextPage}
        isBusy={pages.isFetchingNextPage}
        more={() => void pages.fetchNextPage()}
      />
      {open !== null && data !== undefined && (
        <Suspense fallback={null}>
          <Drawer
            id={open}
            place={at < 0 ? null : at}
            experiment={data.experiment}
            move={(by) => show(items[at + by]?.example_id ?? open)}
            close={() => show(null)}
          />
        </Suspense>
      )}
    </>
  )
}

const amounts: Readonly<Record<string, (value: number) => string>> = {
  latency: duration,
  tokens: (value) => compactCount(Math.round(value)),
  cost,
}

function Summary({ summary }: { summary: SummaryAnswer }) {
  const { experiment, executions, examples, errored, unfinished, measures } = summary
  const metadata = Object.entries(experiment.metadata)
  return (
    <>
      <p class="head-facts">
        <span>{exactTime(experiment.created_at)}</span>
        <span>{counted(examples, 'example')}</span>
        {executions !== examples && <span>{counted(executions, 'execution')}</span>}
        {errored > 0 && <Badge tone="bad">{count(errored)} failed</Badge>}
        {unfinished > 0 && <Badge tone="live">{count(unfinished)} unfinished</Badge>}
        {metadata.slice(0, 6).map(([key, value]) => (
          <span key={key} class="cut">
            {key} <strong>{typeof value === 'string' ? value : JSON.stringify(value)}</strong>
          </span>
        ))}
      </p>
      {measures.length > 0 && (
        <dl class="measures">
          {measures.map(({ key, is_score, mean, interval, examples: n }) => {
            const write = is_score ? short : (amounts[key] ?? short)
            const [low, high] = interval ?? [mean, mean]
            return (
              <div key={key} class="measure">
                <dt class="cut">{key}</dt>
                <dd>
                  <span class="measure-value">{write(mean)}</span>
                  <MeanBar
                    mean={mean}
                    interval={interval}
                    scale={is_score ? [Math.min(0, low), Math.max(1, high)] : [0, high * 1.2]}
                  />
                  <span class="note">
                    {interval === null ? 'no interval' : `95 % ${write(low)} … ${write(high)}`}
                    {n !== examples && `, of ${counted(n, 'example')}`}
                  </span>
                </dd>
              </div>
            )
          })}
        </dl>
      )}
      {summary.has_more_measures && (
        <p class="cut-note">
          This experiment has more scores: {count(measures.length)} measures are shown. Its examples
          have all of theirs.
        </p>
      )}
    </>
  )
}
