import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { query, request } from '../../api/client.ts'
import type {
  DeadLetter,
  DeadLetterAnswer,
  DeadLettersAnswer,
  DiscardedAnswer,
  IngestionAnswer,
  ReplayedAnswer,
} from '../../api/ingestion-answers.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { count, counted } from '../../parts/format.ts'
import { jsonText } from '../../parts/json-text.ts'
import { Loading } from '../../parts/loading.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Time } from '../../parts/time.tsx'
import { put, useSearchState } from '../../url/search.ts'

const base = '/api/runmill/dead-letters'

/** How often the counts of another tenant are read again, in milliseconds. */
const everyMs = 5000

/** What is to be done with dead letters: one, or all that the filter chooses. */
interface Wish {
  what: 'replay' | 'discard'
  id: string | null
}

/** Events that the database refused: looks at them, replays them, discards them. */
export function DeadLetters({
  reasons: own,
  tenantId,
}: {
  /** Of the tenant whose key it is. */
  reasons: IngestionAnswer['dead_letters']['reasons']
  tenantId: string | null
}) {
  const [parameters, update] = useSearchState()
  /** The id of the reason that is chosen: reasons themselves hold values of clients, and stay out of addresses. */
  const reason = parameters.get('reason')
  const open = parameters.get('letter')
  const [wish, setWish] = useState<Wish | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const [isBusy, setBusy] = useState(false)
  const held = useQueryClient()
  const pages = usePages<DeadLettersAnswer>(
    ['dead-letters', reason, tenantId],
    (cursor) => `${base}${query({ reason_id: reason, cursor, tenant_id: tenantId, limit: 25 })}`,
  )
  const others = useQuery({
    queryKey: ['dead-letter-reasons', tenantId],
    queryFn: async ({ signal }) =>
      request<Pick<IngestionAnswer['dead_letters'], 'reasons'>>(
        `${base}/reasons${query({ tenant_id: tenantId })}`,
        { signal },
      ),
    enabled: tenantId !== null,
    refetchInterval: everyMs,
  })
  const reasons = tenantId === null ? own : (others.data?.reasons ?? [])
  const reasonText = reasons.find(({ id }) => id === reason)?.reason
  const letters = pages.data?.pages.flatMap((page) => page.dead_letters) ?? []

  const fulfil = async ({ what, id }: Wish) => {
    setWish(null)
    setBusy(true)
    setFailure(null)
    try {
      const tell = (progress: string) => setSaid(progress)
      setSaid(await (what === 'replay' ? replay : discard)({ id, reason, tenantId, tell }))
      if (id !== null && id === open) update((next) => put(next, 'letter', null))
    } catch (error) {
      setSaid(null)
      setFailure(error)
    } finally {
      setBusy(false)
      await held.invalidateQueries({ queryKey: ['dead-letters'] })
      await held.invalidateQueries({ queryKey: ['dead-letter-reasons'] })
      await held.invalidateQueries({ queryKey: ['ingestion'] })
    }
  }

  return (
    <section class="block" aria-labelledby="dead-letters">
      <div class="block-head">
        <h2 id="dead-letters">Dead letters{tenantId === null ? '' : ' of another tenant'}</h2>
        {letters.length > 0 && (
          <div class="head-actions">
            <button
              type="button"
              disabled={isBusy}
              onClick={() => void fulfil({ what: 'replay', id: null })}
            >
              Replay {reason === null ? 'all' : 'these'}
            </button>
            <button
              type="button"
              disabled={isBusy}
              onClick={() => setWish({ what: 'discard', id: null })}
            >
              Discard {reason === null ? 'all' : 'these'}
            </button>
          </div>
        )}
      </div>
      <p role="status" class={said === null ? 'unseen' : 'said'}>
        {said}
      </p>
      {failure !== null && <Problem error={failure} />}
      {tenantId !== null && (
        <p>
          <button
            type="button"
            onClick={() =>
              update((next) => {
                put(next, 'tenant', null)
                put(next, 'reason', null)
              })
            }
          >
            Back to your own
          </button>
        </p>
      )}
      {(reasons.length > 1 || reason !== null) && (
        <div class="chips" role="group" aria-label="Reason">
          <button
            type="button"
            aria-pressed={reason === null}
            onClick={() => update((next) => put(next, 'reason', null))}
          >
            All reasons
          </button>
          {reasons.map((each) => (
            <button
              key={each.id}
              type="button"
              class="chip cut"
              aria-pressed={each.id === reason}
              onClick={() => update((next) => put(next, 'reason', each.id))}
            >
              {each.reason} · {count(each.count)}
            </button>
          ))}
        </div>
      )}
      {pages.isPending && <Loading />}
      {pages.isError && <Problem error={pages.error} again={() => void pages.refetch()} />}
      {pages.isSuccess && letters.length === 0 && (
        <p class="soft">
          None. An event that the database refuses is kept here with the reason, so that nothing is
          lost, and the events beside it are applied.
        </p>
      )}
      <ul class="letters">
        {letters.map((letter) => (
          <Letter
            key={letter.id}
            letter={letter}
            tenantId={tenantId}
            isOpen={letter.id === open}
            isBusy={isBusy}
            toggle={() =>
              update((next) => put(next, 'letter', letter.id === open ? null : letter.id))
            }
            replay={() => void fulfil({ what: 'replay', id: letter.id })}
            discard={() => setWish({ what: 'discard', id: letter.id })}
          />
        ))}
      </ul>
      <MoreButton
        hasMore={pages.hasNextPage}
        isBusy={pages.isFetchingNextPage}
        more={() => void pages.fetchNextPage()}
      />
      {wish !== null && (
        <Confirm
          title={wish.id === null ? 'Discard all of these events?' : 'Discard this event?'}
          action="Discard"
          confirm={() => void fulfil(wish)}
          cancel={() => setWish(null)}
        >
          <p>
            What was sent is then gone for good
            {wish.id === null && reason !== null
              ? `: every dead letter with the reason “${reasonText ?? 'that is chosen'}”`
              : ''}
            . To keep it, correct the cause and replay instead.
          </p>
        </Confirm>
      )}
    </section>
  )
}

function Letter({
  letter,
  tenantId,
  isOpen,
  isBusy,
  toggle,
  replay,
  discard,
}: {
  letter: DeadLetter
  tenantId: string | null
  isOpen: boolean
  isBusy: boolean
  toggle: () => void
  replay: () => void
  discard: () => void
}) {
  return (
    <li class="letter">
      <div class="letter-line">
        <button type="button" class="quiet letter-toggle" aria-expanded={isOpen} onClick={toggle}>
          <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {letter.kind.replace('_', ' ')}
        </button>
        <span class="letter-reason">{letter.reason}</span>
        <span class="soft">
          <Time at={letter.received_at} />
        </span>
        <span class="letter-actions">
          <button type="button" disabled={isBusy} onClick={replay}>
            Replay
          </button>
          <button type="button" disabled={isBusy} onClick={discard}>
            Discard
          </button>
        </span>
      </div>
      {isOpen && <Event id={letter.id} tenantId={tenantId} />}
    </li>
  )
}

function Event({ id, tenantId }: { id: string; tenantId: string | null }) {
  const read = useQuery({
    queryKey: ['dead-letter', id, tenantId],
    queryFn: async ({ signal }) =>
      request<DeadLetterAnswer>(`${base}/${id}${query({ tenant_id: tenantId })}`, { signal }),
  })
  if (read.isPending) return <Loading />
  if (read.isError) return <Problem error={read.error} again={() => void read.refetch()} />
  return (
    <div class="letter-event">
      <p class="soft">
        {read.data.kind.replace('_', ' ')} <code>{read.data.row_id}</code>
      </p>
      <pre class="snippet" tabIndex={0} aria-label="The event">
        {jsonText(read.data.event, 2)}
      </pre>
    </div>
  )
}

interface Asked {
  id: string | null
  /** The id of a reason. */
  reason: string | null
  tenantId: string | null
  tell: (progress: string) => void
}

/** @returns what came of it, in words */
async function replay({ id, reason, tenantId, tell }: Asked): Promise<string> {
  const of = query({ tenant_id: tenantId })
  if (id !== null) {
    const done = await request<ReplayedAnswer>(`${base}/${id}/replay${of}`, { method: 'POST' })
    return replayedWords(done.replayed, done.applied, done.refused.length)
  }
  let [replayed, applied, refused] = [0, 0, 0]
  let before: string | undefined
  for (;;) {
    const done: ReplayedAnswer = await request<ReplayedAnswer>(`${base}/replay${of}`, {
      method: 'POST',
      body: {
        ...(reason === null ? {} : { reason_id: reason }),
        ...(before === undefined ? {} : { before }),
      },
    })
    replayed += done.replayed
    applied += done.applied
    refused += done.refused.length
    before = done.before
    if (done.has_more !== true) return replayedWords(replayed, applied, refused)
    tell(`${counted(replayed, 'event')} replayed …`)
  }
}

function replayedWords(replayed: number, applied: number, refused: number): string {
  const rest = replayed - applied - refused
  const parts = [
    ...(applied > 0 ? [`${count(applied)} applied`] : []),
    ...(refused > 0 ? [`${count(refused)} refused again, and kept again`] : []),
    ...(rest > 0 ? [`${count(rest)} in the queue`] : []),
  ]
  return `${counted(replayed, 'event')} replayed: ${parts.join(', ')}.`
}

async function discard({ id, reason, tenantId, tell }: Asked): Promise<string> {
  if (id !== null) {
    await request(`${base}/${id}${query({ tenant_id: tenantId })}`, { method: 'DELETE' })
    return 'One event discarded.'
  }
  const which = reason === null ? { all: true } : { reason_id: reason }
  let discarded = 0
  for (;;) {
    const done: DiscardedAnswer = await request<DiscardedAnswer>(
      `${base}${query({ ...which, tenant_id: tenantId })}`,
      { method: 'DELETE' },
    )
    discarded += done.discarded
    if (done.has_more !== true) return `${counted(discarded, 'event')} discarded.`
    tell(`${counted(discarded, 'event')} discarded …`)
  }
}
