import { type Api, jsonBody, RefusedError } from './api.ts'
import { partsOf } from './item.ts'
import type { Counts, State } from './state.ts'

/** What is imported. An absent condition lets everything through. */
export interface Selection {
  datasets: readonly string[]
  projects: readonly string[]
  /** Of runs, traces and scores: started then or later. */
  since: string | null
  /** Of runs, traces and scores: started before. */
  until: string | null
}

export interface Job {
  source: Api
  target: Api
  selection: Selection
  state: State
  /** Tells somebody who waits how far it is. */
  tell(): void
  /** Counts and tells of something that does not come, while the rest goes on. */
  leaveOut(reason: string): Promise<void>
}

/** The kind under which is counted what does not come. */
export const leftOut = 'left out'

/**
 * Does something that a server may refuse for good: a file that is gone, or what is too large for the target. It is left
 * out then, so that one such thing does not hold up the rest.
 * @param statuses those that mean so; absent: all that a repeat would get again
 * @returns whether it was done
 */
export async function unlessRefused(
  job: Job,
  act: () => Promise<unknown>,
  statuses?: readonly number[],
): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (!isRefusal(error, statuses)) throw error
    await job.leaveOut(error.message)
    return false
  }
}

export function isRefusal(error: unknown, statuses?: readonly number[]): error is RefusedError {
  if (!(error instanceof RefusedError)) return false
  return statuses?.includes(error.status) ?? error.status < 500
}

/**
 * Sends a list in as few requests as it fits into. When one is refused, each of its things is sent by itself, so that the
 * others come.
 * @param lengthOf the characters that one takes
 */
export async function sendAll<T>(
  job: Job,
  list: readonly T[],
  lengthOf: (one: T) => number,
  send: (part: readonly T[]) => Promise<unknown>,
): Promise<void> {
  for (const part of partsOf(list, lengthOf)) {
    try {
      await send(part)
    } catch (error) {
      if (!isRefusal(error)) throw error
      for (const one of part) await unlessRefused(job, async () => send([one]))
    }
  }
}

/** Writes versions of examples. @param versions JSON of each */
export async function postVersions(
  job: Job,
  datasetId: string,
  versions: readonly string[],
): Promise<void> {
  await sendAll(
    job,
    versions,
    ({ length }) => length,
    async (part) => {
      const body = `{"dataset_id":${JSON.stringify(datasetId)},"versions":[${part.join(',')}]}`
      await job.target.text('POST', '/api/runmill/import/examples', jsonBody(body))
    },
  )
}

export interface CountRequest {
  /** Which lists there are depends on the source. */
  source: Api
  selection: Selection
  /** What was written later is not counted. */
  latest: string
}

/** A dialect, as far as an import knows it. */
export interface Importer {
  /** Reads everything that is selected from the source, and writes it to the target. */
  run(job: Job): Promise<void>
  /** Counts what is selected, by kind, as a server of the dialect tells it. */
  count(api: Api, asked: CountRequest): Promise<Counts>
  /** Says what reading that much takes by the limits of the vendor's server. */
  estimate(counts: Counts): string
}
