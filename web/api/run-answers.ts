import type { Json } from './answers.ts'

/** What the API answers of runs and traces. The OpenAPI document at /docs describes all of it. */

export type RunStatus = 'success' | 'error' | 'pending'

export interface Run {
  id: string
  trace_id: string | null
  parent_run_id: string | null
  experiment_id: string
  name: string | null
  run_type: string | null
  status: RunStatus
  start_time: string | null
  end_time: string | null
  latency: number | null
  tokens: number | null
  prompt_tokens: number | null
  completion_tokens: number | null
  cost: number | null
  error: string | null
  inputs_preview: string | null
  outputs_preview: string | null
  tags: string[]
  thread_id: string | null
  reference_example_id: string | null
}

export interface RunsAnswer {
  runs: Run[]
  /** Names by ids. */
  experiments: Record<string, string>
  next_cursor: string | null
}

export interface RunScore {
  id: string
  run_id: string | null
  key: string
  score: Json
  value: Json
  comment: string | null
  correction: Json
  source: string | null
  created_at: string | null
}

export interface Attachment {
  name: string
  mime_type: string
  size: number
  url: string
}

export interface RunAnswer extends Run {
  inputs: Json
  outputs: Json
  events: Json
  metadata: Json
  serialized: Json
  usage_details: Json
  cost_details: Json
  attachments: Attachment[]
  scores: RunScore[]
  has_more_scores: boolean
  example: { id: string; dataset_id: string; reference: Json } | null
}

export interface TraceAnswer {
  id: string
  name: string | null
  experiment: { id: string; name: string; dataset_id: string | null } | null
  timestamp: string
  user_id: string | null
  thread_id: string | null
  tags: string[]
  environment: string
  release: string | null
  version: string | null
  cost: number | null
  latency: number | null
  runs: Run[]
  has_more_runs: boolean
  scores: RunScore[]
  has_more_scores: boolean
}

export interface TracePayload {
  inputs: Json
  outputs: Json
  metadata: Json
}

export interface ItemsAnswer {
  items: {
    example_id: string
    created_at: string
    inputs_preview: string | null
    reference_preview: string | null
    runs: {
      id: string
      run_id: string | null
      trace_id: string | null
      status: string
      latency: number | null
      tokens: number | null
      cost: number | null
    }[]
    previews: { id: string; outputs: string | null; error: string | null }[]
    measures: Record<string, number>
  }[]
  next_cursor: string | null
}
