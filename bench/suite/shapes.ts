import type { Spread } from './spread.ts'

/*
 * What the files of bench/results hold, as far as docs/performance.md shows it. The benchmarks write it, and the document
 * is written from it.
 */

export interface Latency {
  p50: number
  p99: number
}

export interface IngestResult {
  settings: { runs: number; passes: number; protocol: string }
  floor: Spread
  upsert: Spread
  endToEnd: Spread
  upsertRatio: Spread
  endToEndRatio: Spread
  /** CPU time of the floor, of that from end to end. In JSON null where it is unknown. */
  cpuRatio: Spread
  cpuMicrosPerRun: Record<string, Spread | null>
  peakBytes: number | null
}

export interface LagResult {
  rate: number
  seconds: number
  acceptedMs: Latency
  visibleMs: Latency
}

export interface FootprintResult {
  runs: number
  memoryMiB: Record<string, { idle: number; most: number }>
  bytesPerRun: Record<string, number>
}

export interface ScaleFigure {
  /** Runs that are stored. */
  runs: number
  /** Runs a second. */
  ingest: { floor: number; endToEnd: number; ratio: number }
  /** Milliseconds, as all that follow. */
  comparison: Latency
  runsOfProject: Latency
  traces: Latency
  observations: Latency
  statistics: Latency
}

export interface ScaleResult {
  sizes: ScaleFigure[]
}

export interface ReadFigure {
  name: string
  /** Milliseconds: of the first request, and of those that follow it at once. */
  first: number
  p50: number
  p99: number
  /** What was answered: how many rows, or the sentence of a refusal. */
  found: string
  isRefused: boolean
}

export interface ReadsResult {
  runs: number
  reads: ReadFigure[]
}

export interface PeerFigure {
  name: string
  version: string
  /** Spans a second. */
  rate: Spread
  /** Microseconds per span; null where it cannot be known. */
  cpu: { server: Spread; postgres: Spread } | null
}

export interface PeersResult {
  spans: number
  perRequest: number
  atOnce: number
  peers: PeerFigure[]
}

export interface StatisticsResult {
  runs: number
  rate: number
  readMs: Latency
  pass: { seconds: number; microsPerTrace: { postgres: number; worker: number } } | null
  refresh: { freshMs: Latency; percentOfCore: { postgres: number; worker: number } }
}
