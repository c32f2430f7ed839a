import type { IngestEvent } from '../src/domain/events.ts'

/*
 * The load is made of units: one small story each, such as a run with its child and a piece of feedback. A unit has
 * steps, and each step is one event that a client sends. What a step says depends on the seed, the unit and the step
 * alone, so that the ledger needs to keep no more than a bit for each step that was acknowledged.
 */

export type RequestKind =
  | 'runs/batch'
  | 'runs/multipart'
  | 'feedback'
  | 'ingestion'
  | 'dataset-run-items'
  | 'otlp'

/** What all units share. */
export interface Setting {
  seed: number
  /** When the first unit begins, in milliseconds since 1970. */
  epochMs: number
  datasetId: string
  /** Ids of the dataset's examples. */
  examples: readonly string[]
}

export interface UnitStep {
  unit: number
  step: number
}

export interface HttpBody {
  path: string
  contentType: string
  body: Buffer | string
}

/** One kind of unit. */
export interface UnitKind {
  readonly name: string
  readonly stepCount: number
  /** The kinds of request that can carry a step; the first is the usual one. */
  kindsOf(unit: number, step: number): readonly RequestKind[]
  /** Puts steps into one request. */
  build(setting: Setting, kind: RequestKind, steps: readonly UnitStep[]): HttpBody
  /** What the step says, in the words of the queue. */
  eventsOf(setting: Setting, unit: number, step: number): IngestEvent[]
}

/** When a unit begins. Units are a hundredth of a second apart. */
export function startOf({ epochMs }: Setting, unit: number): number {
  return epochMs + unit * 10
}

/** Text of 100 to 1,500 characters, another for each unit. */
export function textOf({ seed }: Setting, unit: number): string {
  const length = 100 + ((unit * 7919 + seed) % 1400)
  return `unit ${unit} €"\\ `.repeat(Math.ceil(length / 14)).slice(0, length)
}
