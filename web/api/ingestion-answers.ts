import type { Json } from './answers.ts'

/** What the API answers of ingestion. The OpenAPI document at /docs describes all of it. */

export interface Waiting {
  requests: number
  events: number
  bytes: number
  oldest_seconds: number | null
}

export interface Flow {
  accepted: number[]
  applied: number[]
  lag: { p50: number; p95: number; p99: number; requests: number } | null
  refused: { reason: string; recent: number; total: number }[]
  last_applied_at: string | null
}

export interface Lane {
  lane: string
  waiting: number
  active: number
  delayed: number
  oldest_seconds: number | null
}

export interface ServerIngestion {
  queue_on: 'redis' | 'postgres' | 'inline'
  lanes: Lane[]
  jobs: { queue: string; waiting: number; active: number; delayed: number }[]
  memory: { used_bytes: number; max_bytes: number } | null
  stalled_seconds: number | null
  is_postgres_up: boolean
  is_queue_up: boolean
  dead_letters: number | null
  waiting: Waiting
  flow: Flow
  tenants: {
    id: string
    name: string
    waiting: Waiting
    accepted: number
    applied: number
    refused: number
    dead_letters: number
  }[]
  has_more_tenants: boolean
}

export interface IngestionAnswer {
  at: string
  started_at: string
  step_seconds: number
  tenant: { id: string; name: string }
  is_ready: boolean
  problems: string[]
  waiting: Waiting
  flow: Flow
  dead_letters: { count: number; reasons: { id: string; reason: string; count: number }[] }
  server: ServerIngestion | null
}

export interface DeadLetter {
  id: string
  kind: string
  row_id: string
  reason: string
  received_at: string
  bytes: number
}

export interface DeadLettersAnswer {
  dead_letters: DeadLetter[]
  next_cursor: string | null
}

export interface DeadLetterAnswer extends Omit<DeadLetter, 'bytes'> {
  event: Json
}

export interface ReplayedAnswer {
  replayed: number
  applied: number
  refused: string[]
  has_more?: boolean
  before?: string
}

export interface DiscardedAnswer {
  discarded: number
  has_more?: boolean
}
