import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { request } from '../../api/client.ts'
import type { ServerIngestion } from '../../api/ingestion-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { Problem } from '../../parts/problem.tsx'
import { compactCount, count, duration } from '../../parts/format.ts'
import { TableFrame } from '../../parts/table-frame.tsx'

const laneWords: Readonly<Record<string, string>> = {
  ingest: 'what SDKs send in the background',
  'ingest-interactive': 'what somebody waits for',
  'ingest-backlog': 'bursts, behind all others',
}

/** The inside of the queue, and the tenants, for a key with the scope `admin`. */
export function ServerTables({ server }: { server: ServerIngestion }) {
  const { memory, stalled_seconds: stalled } = server
  return (
    <>
      <section class="block" aria-labelledby="lanes">
        <h2 id="lanes">Queue</h2>
        <p class="name-line">
          <Up name="Postgres" isUp={server.is_postgres_up} />
          <Up name="queue" isUp={server.is_queue_up} />
          {memory !== null && (
            <span class="soft">
              Redis holds {mebibytes(memory.used_bytes)} of {mebibytes(memory.max_bytes)}
            </span>
          )}
          {stalled !== null && stalled > 5 && (
            <Badge tone="bad">nothing finished for {duration(stalled)}</Badge>
          )}
        </p>
        <TableFrame label="Lanes and queues">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Lane</th>
                <th scope="col" class="number">
                  Waiting
                </th>
                <th scope="col" class="number">
                  Active
                </th>
                <th scope="col" class="number">
                  Delayed
                </th>
                <th scope="col" class="number">
                  Oldest
                </th>
              </tr>
            </thead>
            <tbody>
              {[
                ...server.lanes,
                ...server.jobs.map(({ queue, ...job }) => ({
                  lane: queue,
                  oldest_seconds: null,
                  ...job,
                })),
              ].map(({ lane, waiting, active, delayed, oldest_seconds: oldest }) => (
                <tr key={lane}>
                  <th scope="row">
                    {lane}
                    <span class="note">
                      {laneWords[lane] ?? 'background work, some of it scheduled'}
                    </span>
                  </th>
                  <td class="number">{count(waiting)}</td>
                  <td class="number">{count(active)}</td>
                  <td class="number">{count(delayed)}</td>
                  <td class="number">
                    {oldest === null ? <span class="faint">none</span> : duration(oldest)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
        <Inside queueOn={server.queue_on} />
      </section>
      <section class="block" aria-labelledby="tenants">
        <h2 id="tenants">Tenants seen lately</h2>
        {server.tenants.length === 0 ? (
          <p class="soft">No tenant has sent anything since this process started.</p>
        ) : (
          <Tenants tenants={server.tenants} />
        )}
        {server.has_more_tenants && (
          <p class="soft">
            Only the {server.tenants.length} that were seen last are listed. The address{' '}
            <code>/app/ingestion?tenant=</code> with the id of a tenant shows its dead letters.
          </p>
        )}
      </section>
    </>
  )
}

const places: Readonly<Record<ServerIngestion['queue_on'], string>> = {
  redis: 'The queues are in Redis.',
  postgres: 'There is no Redis: the queues are in Postgres.',
  inline: 'The queues are in the memory of this process, and nothing else shows them.',
}

/** Leads to bull-board, for which the key is exchanged for a cookie: no address may hold a key. */
function Inside({ queueOn }: { queueOn: ServerIngestion['queue_on'] }) {
  const [failure, setFailure] = useState<unknown>(null)
  const open = async () => {
    setFailure(null)
    try {
      const { address } = await request<{ address: string }>('/api/runmill/queues/pass', {
        method: 'POST',
        takesCookie: true,
      })
      location.assign(address)
    } catch (error) {
      setFailure(error)
    }
  }
  return (
    <>
      <p class="name-line">
        <span class="soft">{places[queueOn]}</span>
        {queueOn !== 'inline' && (
          <button type="button" onClick={() => void open()}>
            Look at their jobs
          </button>
        )}
      </p>
      {failure !== null && <Problem error={failure} />}
    </>
  )
}

function Tenants({ tenants }: { tenants: ServerIngestion['tenants'] }) {
  return (
    <TableFrame label="Tenants">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Tenant</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              Accepted
            </th>
            <th scope="col" class="number">
              Applied
            </th>
            <th scope="col" class="number">
              Refused
            </th>
            <th scope="col" class="number">
              Dead letters
            </th>
          </tr>
        </thead>
        <tbody>
          {tenants.map((tenant) => (
            <tr key={tenant.id}>
              <th scope="row">
                {tenant.name}
                <span class="note mono">{tenant.id}</span>
              </th>
              <td class="number">
                {compactCount(tenant.waiting.events)}
                {tenant.waiting.oldest_seconds !== null && (
                  <span class="note">for {duration(tenant.waiting.oldest_seconds)}</span>
                )}
              </td>
              <td class="number">{compactCount(tenant.accepted)}</td>
              <td class="number">{compactCount(tenant.applied)}</td>
              <td class="number">{count(tenant.refused)}</td>
              <td class="number">
                {tenant.dead_letters === 0 ? (
                  '0'
                ) : (
                  <Link href={`/app/ingestion?tenant=${tenant.id}#dead-letters`}>
                    {count(tenant.dead_letters)}
                    <span class="unseen"> dead letters of {tenant.name}</span>
                  </Link>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  )
}

function Up({ name, isUp }: { name: string; isUp: boolean }) {
  return (
    <Badge tone={isUp ? 'good' : 'bad'}>{`${name} ${isUp ? 'answers' : 'does not answer'}`}</Badge>
  )
}

function mebibytes(bytes: number): string {
  return `${count(Math.round(bytes / 1_048_576))} MiB`
}
