import '../../styles/views.css'
import './ingestion.css'
import { useQuery } from '@tanstack/preact-query'
import { request } from '../../api/client.ts'
import type { IngestionAnswer } from '../../api/ingestion-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { Snippet } from '../../parts/empty.tsx'
import { count } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { put, useSearchState } from '../../url/search.ts'
import { DeadLetters } from './dead-letters.tsx'
import { Figures } from './figures.tsx'
import { FlowChart } from './flow-chart.tsx'
import { meaningOf } from './refusals.ts'
import { ServerTables } from './server-tables.tsx'
import { TableFrame } from '../../parts/table-frame.tsx'

/** How often the figures are read again, in milliseconds. */
const everyMs = 2000
/** The API counts dead letters up to here. */
const countedLetters = 1000

/** How ingestion goes: what waits, flows, lags, is refused, and could not be applied. */
export default function Ingestion() {
  const [parameters, update] = useSearchState()
  const read = useQuery({
    queryKey: ['ingestion'],
    queryFn: async ({ signal }) => request<IngestionAnswer>('/api/runmill/ingestion', { signal }),
    refetchInterval: everyMs,
  })
  const { data } = read
  const isWhole = data?.server != null && parameters.get('of') !== 'tenant'
  const shown = isWhole && data.server !== null ? data.server : data
  const letters = isWhole ? (data.server?.dead_letters ?? null) : (data?.dead_letters.count ?? 0)
  return (
    <>
      <Head title="Ingestion">
        {data?.server != null && (
          <div class="switch" role="group" aria-label="Whose figures">
            <button
              type="button"
              aria-pressed={isWhole}
              onClick={() => update((next) => put(next, 'of', null))}
            >
              Whole server
            </button>
            <button
              type="button"
              aria-pressed={!isWhole}
              onClick={() => update((next) => put(next, 'of', 'tenant'))}
            >
              {data.tenant.name}
            </button>
          </div>
        )}
        {data !== undefined && (
          <Badge tone={data.is_ready ? 'good' : 'bad'}>
            {data.is_ready ? 'ready' : 'not ready'}
          </Badge>
        )}
      </Head>
      {read.isPending && <Loading />}
      {read.isError && <Problem error={read.error} again={() => void read.refetch()} />}
      {data !== undefined && data.problems.length > 0 && (
        <ul class="problem problems" role="alert">
          {data.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      {data !== undefined && shown !== undefined && (
        <>
          <Figures
            waiting={shown.waiting}
            flow={shown.flow}
            deadLetters={
              letters === null
                ? 'unknown'
                : `${count(letters)}${letters >= countedLetters ? ' or more' : ''}`
            }
            stepSeconds={data.step_seconds}
          />
          <FlowChart
            accepted={shown.flow.accepted}
            applied={shown.flow.applied}
            stepSeconds={data.step_seconds}
          />
          <Refusals refused={shown.flow.refused} startedAt={data.started_at} />
        </>
      )}
      {data !== undefined && (
        <DeadLetters reasons={data.dead_letters.reasons} tenantId={parameters.get('tenant')} />
      )}
      {isWhole && data.server !== null && <ServerTables server={data.server} />}
      {data?.server === null && (
        <section class="block">
          <h2>The queue’s inside, and other tenants</h2>
          <p class="soft">A key with the scope “admin” shows them. On the server’s machine:</p>
          <Snippet>npm run keys -- create --admin</Snippet>
        </section>
      )}
      {data !== undefined && (
        <p class="note block">
          As the process that answers has seen it since it started. Of several API processes each
          knows what it took itself; the metrics at /metrics add up.
        </p>
      )}
    </>
  )
}

function Refusals({
  refused,
  startedAt,
}: {
  refused: IngestionAnswer['flow']['refused']
  startedAt: string
}) {
  if (refused.length === 0) return null
  return (
    <section class="block" aria-labelledby="refusals">
      <h2 id="refusals">Refused requests</h2>
      <TableFrame label="Refused requests">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">What to do</th>
              <th scope="col" class="number">
                In 10 minutes
              </th>
              <th scope="col" class="number" title={`Since ${startedAt}`}>
                Since the start
              </th>
            </tr>
          </thead>
          <tbody>
            {refused.map(({ reason, recent, total }) => (
              <tr key={reason}>
                <th scope="row">{reason}</th>
                <td class="wrap soft">{meaningOf(reason)}</td>
                <td class="number">{count(recent)}</td>
                <td class="number">{count(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </section>
  )
}
