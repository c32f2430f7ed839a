import type { RunType } from './entities.ts'

/** Langfuse's observation types, and the run type that each of them becomes. */
const runTypes = {
  GENERATION: 'llm',
  SPAN: 'span',
  EVENT: 'event',
  EMBEDDING: 'embedding',
  TOOL: 'tool',
  RETRIEVER: 'retriever',
  CHAIN: 'chain',
  AGENT: 'agent',
  EVALUATOR: 'evaluator',
  GUARDRAIL: 'guardrail',
} as const satisfies Record<string, RunType>

export type ObservationType = keyof typeof runTypes

export const observationTypes = Object.keys(runTypes) as [ObservationType, ...ObservationType[]]

export function runTypeOf(type: ObservationType): RunType {
  return runTypes[type]
}

/**
 * Returns the observation type of a run. LangSmith's `prompt` and `parser`, which Langfuse does not know, and a run
 * whose create has not arrived, are spans.
 */
export function observationTypeOf(runType: string | null): ObservationType {
  return observationTypes.find((type) => runTypes[type] === runType) ?? 'SPAN'
}
