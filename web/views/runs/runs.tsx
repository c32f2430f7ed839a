import '../../styles/views.css'
import './runs.css'
import { useQuery } from '@tanstack/preact-query'
import { useEffect, useRef, useState } from 'preact/hooks'
import { query, request } from '../../api/client.ts'
import type { RunsAnswer } from '../../api/run-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { Empty, Snippet } from '../../parts/empty.tsx'
import { counted } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { put, useSearchState } from '../../url/search.ts'
import { FilterField } from './filter-field.tsx'
import { RunTable } from './run-table.tsx'

const everyMs = 2000
/** Rows of a page, and of the live tail. */
const pageRows = 50
const liveRows = 100

const statuses = ['success', 'error', 'pending'] as const

/** The runs of the tenant, newest first, by LangSmith's filter language; live when asked for. */
export default function Runs() {
  const [parameters, update] = useSearchState()
  const filter = parameters.get('filter') ?? ''
  const status = parameters.get('status')
  const experiment = parameters.get('project')
  const isAll = parameters.get('runs') === 'all'
  const isLive = parameters.get('live') === '1'
  const asked = { filter, status, experiment_id: experiment, roots: isAll ? false : null }
  const path = (more: { cursor?: string | null; limit: number }) =>
    `/api/runmill/runs${query({ ...asked, ...more })}`

  const pages = usePages<RunsAnswer>(['runs', filter, status, experiment, isAll], (cursor) =>
    path({ cursor, limit: pageRows }),
  )
  const live = useQuery({
    queryKey: ['live-runs', filter, status, experiment, isAll],
    queryFn: async ({ signal }) => request<RunsAnswer>(path({ limit: liveRows }), { signal }),
    refetchInterval: everyMs,
    enabled: isLive,
  })
  const read = isLive ? live : pages
  const answers = isLive ? (live.data === undefined ? [] : [live.data]) : (pages.data?.pages ?? [])
  const runs = answers.flatMap((answer) => answer.runs)
  const names = Object.assign({}, ...answers.map((answer) => answer.experiments)) as Record<
    string,
    string
  >
  const fresh = useFresh(
    runs.map(({ id }) => id),
    isLive,
  )
  const isNarrowed = filter !== '' || status !== null || experiment !== null

  return (
    <>
      <Head title="Runs">
        {isLive && (
          <span class="soft" aria-live="polite">
            {fresh.size > 0 ? counted(fresh.size, 'new run') : ''}
          </span>
        )}
        <button
          type="button"
          aria-pressed={isLive}
          onClick={() => update((next) => put(next, 'live', isLive ? null : '1'))}
        >
          {isLive ? <Badge tone="live">live</Badge> : 'Live tail'}
        </button>
      </Head>
      <div class="filters">
        <FilterField
          value={filter}
          problem={read.isError ? messageOf(read.error) : null}
          change={(text) => update((next) => put(next, 'filter', text))}
        />
        <div class="field">
          <label for="status">Status</label>
          <select
            id="status"
            value={status ?? ''}
            onChange={(event) => {
              const { value } = event.currentTarget
              update((next) => put(next, 'status', value))
            }}
          >
            <option value="">any</option>
            {statuses.map((each) => (
              <option key={each} value={each}>
                {{ success: 'done', error: 'failed', pending: 'running' }[each]}
              </option>
            ))}
          </select>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={isAll}
            onChange={() => update((next) => put(next, 'runs', isAll ? null : 'all'))}
          />
          also runs inside traces
        </label>
        {experiment !== null && (
          <button type="button" onClick={() => update((next) => put(next, 'project', null))}>
            {names[experiment] ?? 'one project'} <span aria-hidden="true">✕</span>
            <span class="unseen">: show all projects</span>
          </button>
        )}
      </div>
      {read.isPending && <Loading />}
      {read.isError && <Problem error={read.error} again={() => void read.refetch()} />}
      {read.isSuccess && runs.length === 0 && (isNarrowed ? <NoneOf /> : <NoRuns />)}
      {runs.length > 0 && (
        <RunTable
          runs={runs}
          names={names}
          fresh={fresh}
          choose={(id) => update((next) => put(next, 'project', id))}
        />
      )}
      {isLive && live.data !== undefined && live.data.next_cursor !== null && (
        <p class="cut-note">The tail shows the newest {liveRows}. Stop it to read further back.</p>
      )}
      {!isLive && (
        <MoreButton
          hasMore={pages.hasNextPage}
          isBusy={pages.isFetchingNextPage}
          more={() => void pages.fetchNextPage()}
        />
      )}
    </>
  )
}

/** A fault of the filter is shown at its field. */
function messageOf(error: unknown): string | null {
  const message = error instanceof Error ? error.message : ''
  return message.startsWith('filter: ') ? message.slice('filter: '.length) : null
}

/** The ids that were not in the list when it was first shown live. */
function useFresh(ids: readonly string[], isLive: boolean): ReadonlySet<string> {
  const seen = useRef<Set<string> | null>(null)
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set())
  const text = ids.join()
  useEffect(() => {
    if (!isLive) {
      seen.current = null
      setFresh(new Set())
      return
    }
    if (ids.length === 0) return
    const { current } = seen
    if (current === null) seen.current = new Set(ids)
    else setFresh(new Set(ids.filter((id) => !current.has(id))))
    // By what is in the list, and not by the list, which is another one each time.
  }, [text, isLive])
  return fresh
}

function NoneOf() {
  return (
    <Empty title="No run is like that">
      <p>Clear the filter, or choose another project.</p>
    </Empty>
  )
}

function NoRuns() {
  return (
    <Empty title="No run has arrived yet">
      <p>
        Point an SDK or an OpenTelemetry exporter at this server. For LangSmith’s SDKs, for example:
      </p>
      <Snippet>{`export LANGSMITH_TRACING=true
export LANGSMITH_ENDPOINT=${location.origin}
export LANGSMITH_API_KEY=<secret key>`}</Snippet>
      <p>
        What they send appears here within a second. If it does not,{' '}
        <a href="/app/ingestion">Ingestion</a> says why.
      </p>
    </Empty>
  )
}
