import { randomUUID } from 'node:crypto'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import type { Db } from '../../src/store/pool.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'

/** Traces of these changes start later than all others. */
export const changesStartMs = Date.UTC(2026, 0, 1) + 1e12
const eventsAtOnce = 500

export interface Changed {
  tenantId: string
  /** The project that the new traces are in. */
  experimentId: string
  /** The traces that are there: the ids of the first so many are md5('trace' || number). */
  traces: number
  runsPerTrace: number
}

/** Makes a function that writes so many events as workers do: whole new traces, and for each, feedback on an old one. */
export function createChanges(
  db: Db,
  { tenantId, experimentId, traces, runsPerTrace }: Changed,
): (count: number) => Promise<void> {
  let written = 0
  return async (count) => {
    const events: IngestEvent[] = []
    while (events.length < count) {
      const id = randomUUID()
      const startTime = fromEpochMs(changesStartMs + written * 100)!
      const endTime = fromEpochMs(changesStartMs + written * 100 + 500 + (written % 3000))!
      const add = (kind: IngestEvent['kind'], eventId: string, patch: object) =>
        events.push({
          kind,
          id: eventId,
          externalId: null,
          version: eventVersion('create', startTime, eventId),
          patch,
        })
      for (let n = 0; n < runsPerTrace; n++) {
        add('run', n === 0 ? id : randomUUID(), {
          traceId: id,
          experimentId,
          name: `step ${n}`,
          runType: n === 2 ? 'llm' : 'chain',
          startTime,
          endTime,
          ...(n === 0 ? {} : { parentRunId: id }),
          ...(n === 2 ? { promptTokens: 10, completionTokens: 20, totalTokens: 30 } : {}),
        })
      }
      const old = await oldTrace(db, traces)
      add('feedback', randomUUID(), {
        runId: old,
        traceId: old,
        key: 'correctness',
        scoreNumber: written % 5,
        createdAt: startTime,
      })
      written++
    }
    for (let i = 0; i < events.length; i += eventsAtOnce) {
      await applyEvents(db, tenantId, events.slice(i, i + eventsAtOnce))
    }
  }
}

async function oldTrace(db: Db, traces: number): Promise<string> {
  const [row] = await db<{ id: string }[]>`
    select md5('trace' || ${1 + Math.floor(Math.random() * traces)}::int)::uuid as id`
  return row!.id
}
