import type { Handlers } from '../../src/queue/backend.ts'
import type { IngestJob } from '../../src/queue/catalog.ts'

const noWork = async () => {}

/** Builds handlers of which all but the given ones do nothing. */
export function handlers(some: Partial<Handlers>): Handlers {
  return {
    ingest: noWork,
    'ingest-interactive': noWork,
    'ingest-backlog': noWork,
    aggregate: noWork,
    purge: noWork,
    reprice: noWork,
    sweep: noWork,
    collect: noWork,
    ...some,
  }
}

export function ingestJob(batchId: string, events: unknown[] = []): IngestJob {
  return {
    batchId,
    tenantId: 'tenant',
    receivedAt: '2026-11-21T00:00:00.000000Z',
    events: events as IngestJob['events'],
  }
}

/** Resolves once `count` different things were added. */
export function collector<T>(): {
  add(thing: T): void
  all: T[]
  until(count: number): Promise<void>
} {
  const all: T[] = []
  const seen = new Set<T>()
  let check = () => {}
  return {
    all,
    add(thing) {
      all.push(thing)
      seen.add(thing)
      check()
    },
    until: (count) =>
      new Promise((resolve) => {
        check = () => {
          if (seen.size >= count) resolve()
        }
        check()
      }),
  }
}
