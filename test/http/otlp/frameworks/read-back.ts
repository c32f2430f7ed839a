import { readFileSync } from 'node:fs'
import type { FrameworkRecording } from '../../../fixtures/frameworks/record/recording.ts'
import type { Harness } from '../../../support/harness.ts'

/** Reads `test/fixtures/frameworks/<name>.json`. */
export function readRecording(name: string): FrameworkRecording {
  const file = new URL(`../../../fixtures/frameworks/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as FrameworkRecording
}

/** Sends what a framework exported, as it was recorded. */
export async function replay(h: Harness, { requests }: FrameworkRecording): Promise<number[]> {
  const statuses: number[] = []
  for (const { method, path, headers, body } of requests) {
    statuses.push((await h.call(method, path, body, headers)).status)
  }
  await h.drain()
  return statuses
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of both dialects
type Json = any

/** Reads all traces through Langfuse's API, the earliest first. */
export async function readTraces(h: Harness): Promise<Json[]> {
  const { body } = await h.call('GET', '/api/public/traces?orderBy=timestamp.asc')
  const traces = []
  for (const { id } of body.data) {
    traces.push((await h.call('GET', `/api/public/traces/${id}`)).body)
  }
  return traces
}

/** Reads all runs of all projects through LangSmith's API, a list for each trace, the earliest trace first. */
export async function readRuns(h: Harness): Promise<Json[][]> {
  const projects = (await h.call('GET', '/sessions')).body
  const session = projects.map(({ id }: Json) => id)
  const { runs } = (await h.call('POST', '/runs/query', { session, limit: 100 })).body
  const traces = new Map<string, Json[]>()
  for (const run of runs) {
    traces.set(run.trace_id, [...(traces.get(run.trace_id) ?? []), run])
  }
  return [...traces.values()].toSorted((a, b) => (firstStart(a) < firstStart(b) ? -1 : 1))
}

function firstStart(runs: Json[]): string {
  return runs.map((run) => run.start_time as string).toSorted()[0]!
}

/**
 * Writes a trace's observations as a forest, a line each, in the order of their start: type, name, model, tokens, cost and error.
 * Tokens are `input+cachedc+writtenw>output+reasoningr=total`, where parts that are 0 are left out. A cost that the
 * server computed, of the tokens and its prices, is told apart from one that was sent.
 */
export function forestOfObservations(observations: Json[]): string {
  return forest(
    observations.map((one) => ({
      id: one.id,
      parent: one.parentObservationId,
      start: one.startTime,
      line: [
        one.type,
        one.name,
        one.model,
        tokensOf(one.usageDetails ?? {}),
        costOf(one),
        one.level === 'ERROR' ? `! ${errorOf(one.statusMessage)}`.trim() : null,
      ],
    })),
  )
}

function costOf({ costDetails, modelId }: Json): string | null {
  const total = costDetails?.total
  if (total === undefined) return null
  // Only a computed cost has a price.
  return `${modelId === null ? '' : 'computed '}$${Number(total)}`
}

function tokensOf(usage: Record<string, number>): string | null {
  let [cached, written, reasoning] = [0, 0, 0]
  for (const [key, count] of Object.entries(usage)) {
    if (/creation|write/.test(key)) written += count
    else if (/cache/.test(key)) cached += count
    else if (/reasoning/.test(key)) reasoning += count
  }
  if (Object.values(usage).every((count) => count === 0)) return null
  const detail = (count: number, mark: string): string => (count === 0 ? '' : `+${count}${mark}`)
  const input = `${usage.input ?? 0}${detail(cached, 'c')}${detail(written, 'w')}`
  return `${input}>${usage.output ?? 0}${detail(reasoning, 'r')}=${usage.total ?? 0}`
}

/** The same in LangSmith's words: type, name, tokens (prompt>completion=total) and error. */
export function forestOfRuns(runs: Json[]): string {
  return forest(
    runs.map((run) => ({
      id: run.id,
      parent: run.parent_run_id,
      start: run.start_time,
      line: [
        run.run_type,
        run.name,
        run.total_tokens > 0
          ? `${run.prompt_tokens}>${run.completion_tokens}=${run.total_tokens}`
          : null,
        run.status === 'error' ? `! ${errorOf(run.error)}` : null,
      ],
    })),
  )
}

/**
 * What LangSmith's API shows of a trace, given its observations: a tree for each root. Models and costs are left out,
 * and the root, of several the first, shows the tokens of the whole trace.
 */
export function asRuns(observations: string): string[] {
  const lines = observations.split('\n').map(readLine)
  const all = addTokens(lines.map(({ tokens }) => tokens))
  const written = lines
    .map(({ indent, type, name, tokens, error }, index) => {
      const [prompt, completion, total] = index === 0 ? all : tokens
      return [
        `${indent}${runTypes[type] ?? 'chain'}`,
        name,
        ...(total > 0 ? [`${prompt}>${completion}=${total}`] : []),
        ...(error === null ? [] : [error]),
      ].join(' · ')
    })
    .join('\n')
  return written.split(/\n(?! )/)
}

const runTypes: Record<string, string> = {
  GENERATION: 'llm',
  EMBEDDING: 'embedding',
  TOOL: 'tool',
  RETRIEVER: 'retriever',
}

type Tokens = readonly [prompt: number, completion: number, total: number]

function readLine(line: string): {
  indent: string
  type: string
  name: string
  tokens: Tokens
  error: string | null
} {
  const [, indent, type, rest] = /^( *)(\w+) · (.*)$/.exec(line)!
  const [before, error] = rest!.split(' · !')
  const [name] = before!.split(' · ')
  const counts = / · ([\d+cw]+)>([\d+r]+)=(\d+)/.exec(before!)
  const sum = (text: string): number =>
    text.split('+').reduce((total, part) => total + Number.parseInt(part, 10), 0)
  return {
    indent: indent!,
    type: type!,
    name: name!,
    tokens: counts === null ? [0, 0, 0] : [sum(counts[1]!), sum(counts[2]!), Number(counts[3])],
    // LangSmith shows an error without a message as `error`.
    error: error === undefined ? null : `! ${error.trim() || 'error'}`,
  }
}

function addTokens(all: Tokens[]): Tokens {
  const sum = (index: 0 | 1 | 2): number => all.reduce((total, one) => total + one[index], 0)
  return [sum(0), sum(1), sum(2)]
}

/** The first line of a message, so that it fits a table. */
function errorOf(message: string | null): string {
  return (message ?? '')
    .split(/\n|Traceback/)[0]!
    .slice(0, 110)
    .trim()
}

interface Node {
  id: string
  parent: string | null
  start: string
  line: (string | null)[]
}

function forest(nodes: Node[]): string {
  const sorted = nodes.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  const ids = new Set(nodes.map(({ id }) => id))
  const write = (parent: string | null, indent: string): string[] =>
    sorted
      .filter((node) => (ids.has(node.parent ?? '') ? node.parent : null) === parent)
      .flatMap(({ id, line }) => [
        indent + line.filter((part) => part !== null && part !== '').join(' · '),
        ...write(id, `${indent}  `),
      ])
  return write(null, '').join('\n')
}
