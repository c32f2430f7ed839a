import { z } from 'zod'
import type { Filter } from '../../../domain/filter.ts'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { LangsmithError } from '../errors.ts'
import { FilterSyntaxError, parseRunFilter } from '../../filter/filter-parse.ts'
import { runTypes } from './run-answer.ts'
import { flag, ignored, searchedText, time, union, uuid } from '../schemas.ts'

/** Longest list of ids in a request: all are in one statement. */
const maxIds = 10_000

const ids = z.array(uuid).max(maxIds).nullish()

/**
 * Conditions on runs, which lists and statistics share (contracts/langsmith.md 2.6.3). Null counts as absent; unknown
 * keys are ignored.
 */
export const runQueryFields = {
  id: ids,
  trace: uuid.nullish(),
  parent_run: uuid.nullish(),
  run_type: z.enum(runTypes).nullish(),
  session: ids,
  // JavaScript's client sends a single id without a list.
  reference_example: union([uuid, z.array(uuid).max(maxIds)], 'a UUID or a list of them').nullish(),
  execution_order: z.literal(1).nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  error: z.boolean().nullish(),
  query: searchedText.nullish(),
  filter: z.string().nullish(),
  trace_filter: z.string().nullish(),
  tree_filter: z.string().nullish(),
  search_filter: z.string().nullish(),
  // The vendor's documentation shows it as a string too.
  is_root: union([z.boolean(), flag], 'a boolean').nullish(),
  data_source_type: ignored(z.string().nullish(), 'there is one store'),
  use_experimental_search: ignored(z.boolean().nullish(), 'there is one search'),
}

type RunQueryBody = z.output<z.ZodObject<typeof runQueryFields>>

/**
 * The query that a body describes. With `id` all other conditions are ignored.
 * @throws LangsmithError 400 when no condition says where to look for runs, and for a broken filter
 */
export function readRunQuery(tenantId: string, body: RunQueryBody): RunQuery {
  const filters = [
    ...readRunFilter('filter', body.filter),
    ...readRunFilter('search_filter', body.search_filter),
  ]
  const traceFilter = readRunFilter('trace_filter', body.trace_filter)[0]
  const treeFilter = readRunFilter('tree_filter', body.tree_filter)[0]
  if (body.id) return { tenantId, ids: body.id }
  if (!body.session && !body.trace && !body.parent_run && !body.reference_example) {
    throw new LangsmithError(
      400,
      "At least one of 'session', 'id', 'parent_run', 'trace' or 'reference_example' must be specified",
    )
  }
  if (body.query) filters.push({ kind: 'search', text: body.query })
  return {
    tenantId,
    experimentIds: body.session ?? undefined,
    traceId: body.trace ?? undefined,
    parentRunId: body.parent_run ?? undefined,
    exampleIds: body.reference_example ? [body.reference_example].flat() : undefined,
    runTypes: body.run_type ? runTypesShownAs(body.run_type) : undefined,
    isRoot: body.execution_order === 1 ? true : (body.is_root ?? undefined),
    hasError: body.error ?? undefined,
    minStartTime: body.start_time ?? undefined,
    maxStartTime: body.end_time ?? undefined,
    filters,
    traceFilter,
    treeFilter,
  }
}

/** Types that LangSmith's clients do not know are shown to them as `chain`, so `chain` also finds those. */
export function runTypesShownAs(shown: (typeof runTypes)[number]): RunQuery['runTypes'] {
  return shown === 'chain'
    ? { are: 'outside', types: runTypes.filter((type) => type !== 'chain') }
    : { are: 'among', types: [shown] }
}

/**
 * Reads a filter expression, if there is one.
 * @param field its name, for the error message
 * @throws LangsmithError 400
 */
export function readRunFilter(field: string, expression: string | null | undefined): Filter[] {
  if (expression === null || expression === undefined || expression.trim() === '') return []
  try {
    return [parseRunFilter(expression)]
  } catch (error) {
    if (error instanceof FilterSyntaxError) {
      throw new LangsmithError(400, `${field}: ${error.message}`)
    }
    throw error
  }
}
