import {
  deniesRows,
  filterAttributes,
  pairConditions,
  type AttributeFamily,
  type FilterCondition,
  type FilterScalar,
  type Filter,
} from '../../../src/domain/filter.ts'

/** A run as its row and the rows around it hold it. Times are Timestamps, JSON columns are text. */
export interface StoredRun {
  id: string
  traceId: string | null
  /** The roots of its trace: LangSmith's clients take the id of one for that of the trace. */
  rootIds: string[]
  parentRunId: string | null
  experimentId: string | null
  referenceExampleId: string | null
  name: string | null
  runType: string | null
  level: string | null
  threadId: string | null
  startTime: string | null
  endTime: string | null
  firstTokenTime: string | null
  inputs: string | null
  inputsPreview: string | null
  outputs: string | null
  outputsPreview: string | null
  error: string | null
  tags: string[] | null
  metadata: Record<string, unknown> | null
  tokens: number | null
  cost: number | null
  /** The roll-ups of the run's trace, and the root run that shows them. */
  trace: {
    rootRunId: string | null
    firstTokenTime: string | null
    tokens: number | null
    cost: number | null
  } | null
  datasetId: string | null
}

export interface StoredFeedback {
  runId: string | null
  traceId: string | null
  key: string | null
  score: number | null
  /** JSON text. */
  value: string | null
  comment: string | null
  source: string | null
  comparative: boolean
}

type Value = string | number | boolean | null

/** Evaluates a filter on a run in plain TypeScript. The SQL must agree with it. */
export function evaluateRunFilter(
  filter: Filter,
  run: StoredRun,
  feedback: readonly StoredFeedback[],
): boolean {
  const evaluate = (term: Filter): boolean => {
    switch (term.kind) {
      case 'and': {
        const { pairs, others } = pairConditions(term.terms)
        return (
          others.every(evaluate) &&
          [...pairs].every(([family, conditions]) =>
            evaluateRows(family, conditions, run, feedback),
          )
        )
      }
      case 'or':
        return term.terms.some(evaluate)
      case 'not':
        return !evaluate(term.term)
      case 'search':
        return (
          [run.name, run.inputsPreview, run.outputsPreview].some((text) =>
            includes(text, term.text, true),
          ) ||
          [run.error, run.inputs, run.outputs].some((json) => includesInJson(json, term.text, true))
        )
      case 'condition': {
        const [pair] = pairConditions([term]).pairs
        return pair === undefined
          ? evaluateCondition(term, run)
          : evaluateRows(pair[0], pair[1], run, feedback)
      }
    }
  }
  return evaluate(filter)
}

function evaluateRows(
  family: AttributeFamily,
  conditions: readonly FilterCondition[],
  run: StoredRun,
  feedback: readonly StoredFeedback[],
): boolean {
  const rows = rowsOf(family, run, feedback)
  const holds = (condition: FilterCondition) => (row: Row) =>
    compare(condition, row[condition.attribute] ?? null)
  if (conditions.every(deniesRows)) {
    return conditions.every((condition) => {
      const operator = condition.operator === 'neq' ? 'eq' : 'in'
      return !rows.some(holds({ ...condition, operator }))
    })
  }
  return rows.some((row) => conditions.every((condition) => holds(condition)(row)))
}

type Row = Record<string, Value>

function rowsOf(
  family: AttributeFamily,
  run: StoredRun,
  feedback: readonly StoredFeedback[],
): Row[] {
  switch (family) {
    case 'feedback':
      return feedbackRows(run, feedback)
    case 'metadata':
      return Object.entries(run.metadata ?? {}).map(([key, value]) => entryRow(family, key, value))
    case 'input':
    case 'output': {
      const body = family === 'input' ? run.inputs : run.outputs
      return body === null ? [] : entryRows(family, '', JSON.parse(body))
    }
  }
}

function entryRow(family: AttributeFamily, key: string, value: unknown): Row {
  return { [`${family}_key`]: key, [`${family}_value`]: asText(value) }
}

/** Returns the entries of an object and of the objects in it, under dotted keys. */
function entryRows(family: AttributeFamily, path: string, value: unknown): Row[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([key, member]) => [
    entryRow(family, path + key, member),
    ...entryRows(family, `${path}${key}.`, member),
  ])
}

function feedbackRows(run: StoredRun, feedback: readonly StoredFeedback[]): Row[] {
  const own = feedback.filter(
    (row) =>
      !row.comparative &&
      (row.runId === run.id ||
        (row.runId === null && row.traceId !== null && row.traceId === run.traceId && isRoot(run))),
  )
  return own.map((row) => ({
    feedback_key: row.key,
    feedback_score: row.score,
    feedback_value: row.value === null ? null : asText(JSON.parse(row.value)),
    feedback_comment: row.comment,
    feedback_source: row.source,
  }))
}

function asText(value: unknown): string | null {
  if (value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function evaluateCondition(condition: FilterCondition, run: StoredRun): boolean {
  const { attribute, operator, value } = condition
  switch (attribute) {
    case 'tags': {
      if (value === null) return (operator === 'eq') === (run.tags === null)
      const tags = run.tags ?? []
      if (operator === 'has') return tags.includes(value as string)
      if (operator === 'all') return (value as string[]).every((tag) => tags.includes(tag))
      const any = (value as readonly FilterScalar[]).some((tag) => tags.includes(tag as string))
      return operator === 'in' ? any : !any
    }
    case 'metadata': {
      if (condition.key !== undefined) {
        const entry = Object.entries(run.metadata ?? {}).find(([key]) => key === condition.key)
        const onEntry = { ...condition, attribute: 'metadata_value' } as const
        return compare(onEntry, asText(entry?.[1] ?? null))
      }
      if (value === null) return (operator === 'eq') === (run.metadata === null)
      if (run.metadata === null) return false
      if (operator === 'exists') return Object.hasOwn(run.metadata, value as string)
      return contains(run.metadata, JSON.parse(value as string))
    }
    case 'inputs':
      return compareJson(condition, run.inputs) || compare(condition, run.inputsPreview)
    case 'outputs':
      return compareJson(condition, run.outputs) || compare(condition, run.outputsPreview)
    case 'error':
      if (operator === 'eq' || operator === 'neq') {
        return compare(condition, statusOf(run) === 'error')
      }
      return compareJson(condition, run.error)
    case 'trace_id': {
      if (operator === 'neq') return !isInTrace([condition.value as string], run)
      if (operator === 'nin') return !isInTrace(condition.value as string[], run)
      return isInTrace([condition.value].flat() as string[], run)
    }
    default:
      return compare(condition, columnOf(attribute, run))
  }
}

function isInTrace(ids: readonly (string | null)[], { traceId, rootIds }: StoredRun): boolean {
  return (traceId === null ? [null] : [traceId, ...rootIds]).some((id) => ids.includes(id))
}

function columnOf(attribute: FilterCondition['attribute'], run: StoredRun): Value {
  const isWhole = isRoot(run) && (run.trace === null || run.trace.rootRunId === run.id)
  const numbers = isWhole ? run.trace : run
  const firstTokenTime =
    run.firstTokenTime ?? (isRoot(run) ? (run.trace?.firstTokenTime ?? null) : null)
  const columns: Partial<Record<FilterCondition['attribute'], Value>> = {
    id: run.id,
    parent_run_id: run.parentRunId,
    experiment_id: run.experimentId,
    reference_example_id: run.referenceExampleId,
    reference_dataset_id: run.datasetId,
    name: run.name,
    run_type: run.runType,
    status: statusOf(run),
    thread_id: run.threadId,
    start_time: run.startTime,
    end_time: run.endTime,
    first_token_time: firstTokenTime,
    latency: secondsBetween(run.startTime, run.endTime),
    first_token_latency: secondsBetween(run.startTime, firstTokenTime),
    prompt_tokens: numbers?.tokens ?? 0,
    completion_tokens: numbers?.tokens ?? 0,
    total_tokens: numbers?.tokens ?? 0,
    prompt_cost: numbers?.cost ?? null,
    completion_cost: numbers?.cost ?? null,
    total_cost: numbers?.cost ?? null,
    is_root: isRoot(run),
  }
  return columns[attribute] ?? null
}

function isRoot(run: StoredRun): boolean {
  return run.parentRunId === null && run.traceId !== null
}

function statusOf(run: StoredRun): string {
  if (run.error !== null && !['null', '""', 'false'].includes(run.error)) return 'error'
  if (run.level === 'ERROR') return 'error'
  return run.endTime === null ? 'pending' : 'success'
}

function secondsBetween(start: string | null, end: string | null): number | null {
  return start === null || end === null ? null : (Date.parse(end) - Date.parse(start)) / 1000
}

function compare({ attribute, operator, value }: FilterCondition, actual: Value): boolean {
  switch (operator) {
    case 'eq':
      return equals(attribute, actual, value as Value)
    case 'neq':
      return !equals(attribute, actual, value as Value)
    case 'in':
      return (value as Value[]).some((item) => equals(attribute, actual, item))
    case 'nin':
      return !(value as Value[]).some((item) => equals(attribute, actual, item))
    case 'like':
      return typeof actual === 'string' && likeToRegExp(value as string).test(actual)
    case 'contains':
      return includes(actual as string | null, value as string, false)
    case 'search':
      return includes(actual as string | null, value as string, true)
    case 'starts_with':
      return typeof actual === 'string' && actual.startsWith(value as string)
    case 'ends_with':
      return typeof actual === 'string' && actual.endsWith(value as string)
    default: {
      const scalar = filterAttributes[attribute].type === 'scalar'
      const left = scalar ? numberIn(actual) : actual
      return left !== null && inOrder(operator, left, value as string | number)
    }
  }
}

function inOrder(operator: string, left: Exclude<Value, null>, right: string | number): boolean {
  if (operator === 'gt') return left > right
  if (operator === 'gte') return left >= right
  if (operator === 'lt') return left < right
  return left <= right
}

function equals(attribute: FilterCondition['attribute'], actual: Value, value: Value): boolean {
  if (value === null) return actual === null
  if (actual === null) return false
  const scalar = filterAttributes[attribute].type === 'scalar' && typeof value === 'number'
  return (scalar ? numberIn(actual) : actual) === value
}

function numberIn(actual: Value): number | null {
  return typeof actual === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(actual)
    ? Number(actual)
    : null
}

function includes(actual: string | null, needle: string, anyCase: boolean): boolean {
  if (actual === null) return false
  return anyCase ? actual.toLowerCase().includes(needle.toLowerCase()) : actual.includes(needle)
}

/** Compares JSON text, in which the characters of the condition may be escaped. */
function compareJson(condition: FilterCondition, json: string | null): boolean {
  const { operator, value } = condition
  return operator === 'like'
    ? compare(condition, json)
    : includesInJson(json, value as string, operator === 'search')
}

function includesInJson(json: string | null, needle: string, anyCase: boolean): boolean {
  const escaped = JSON.stringify(needle).slice(1, -1)
  return [needle, escaped, escaped.replace(/é/g, '\\u00e9')].some((form) =>
    includes(json, form, anyCase),
  )
}

function likeToRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|%|_|[^\\%_]/gs, (token, escaped?: string) => {
    if (escaped !== undefined) return escapeRegExp(escaped)
    if (token === '%') return '.*'
    return token === '_' ? '.' : escapeRegExp(token)
  })
  return new RegExp(`^${source}$`, 's')
}

function escapeRegExp(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}

/** Works like jsonb's `@>`, below objects. */
function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.every((item) => whole.some((own) => contains(own, item)))
  }
  if (part !== null && typeof part === 'object') {
    if (whole === null || typeof whole !== 'object' || Array.isArray(whole)) return false
    return Object.entries(part).every(
      ([key, value]) =>
        Object.hasOwn(whole, key) && contains((whole as Record<string, unknown>)[key], value),
    )
  }
  return whole === part
}
