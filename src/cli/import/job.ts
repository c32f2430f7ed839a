import type { Api } from './api.ts'
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
  /** Tells of something that the target did not take, while the rest goes on. */
  warn(message: string): void
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
