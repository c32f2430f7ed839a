import { RawJson } from '../../../domain/raw-json.ts'
import type { Filter } from '../../../domain/filter.ts'
import type {
  ComparisonGroup,
  GroupQuery,
  GroupStatistics,
} from '../../../store/read/comparison/comparison-groups.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import { printFilter } from '../../filter/filter-parse.ts'
import { sessionWithStatistics } from '../sessions/session-from-row.ts'
import type { GroupNumbersAnswer, GroupSessionAnswer } from './group-answer.ts'

/** The metadata entry that the members of a group have in common, as a filter. */
export function groupEntry(
  { metadataKey }: Pick<GroupQuery, 'metadataKey'>,
  { value }: ComparisonGroup,
): Filter {
  return {
    kind: 'and',
    terms: [
      { kind: 'condition', attribute: 'metadata_key', operator: 'eq', value: metadataKey },
      { kind: 'condition', attribute: 'metadata_value', operator: 'eq', value },
    ],
  }
}

/** The filter that selects a group: of runs or of examples, whichever are grouped. */
export function groupFilter(
  query: Pick<GroupQuery, 'groupBy' | 'metadataKey'>,
  group: ComparisonGroup,
): Filter {
  const pair = groupEntry(query, group)
  if (query.groupBy === 'example') return pair
  const root: Filter = { kind: 'condition', attribute: 'is_root', operator: 'eq', value: true }
  return { kind: 'and', terms: [root, pair] }
}

/** `group_key`: a number when every member has a JSON number there that JavaScript prints as the same text. */
export function groupKey({ value, isNumber }: ComparisonGroup): string | number {
  return isNumber && String(Number(value)) === value ? Number(value) : value
}

/** The numbers of a group over all sessions (contracts/langsmith.md 2.2). */
export function groupNumbers(statistics: GroupStatistics): GroupNumbersAnswer {
  const { runCount } = statistics
  return {
    example_count: statistics.exampleCount,
    count: runCount,
    total_tokens: statistics.totalTokens ?? 0,
    prompt_tokens: statistics.promptTokens ?? 0,
    completion_tokens: statistics.completionTokens ?? 0,
    total_cost: statistics.totalCost,
    prompt_cost: statistics.promptCost,
    completion_cost: statistics.completionCost,
    min_start_time: statistics.minStartTime,
    max_start_time: statistics.maxStartTime,
    latency_p50: statistics.latencyP50,
    latency_p99: statistics.latencyP99,
    error_rate: runCount === 0 ? null : statistics.errorCount / runCount,
    feedback_stats: new RawJson(statistics.feedbackStats),
  }
}

/**
 * GroupedRunsSessionStats: a session with statistics over its runs in the group.
 * @param statistics absent: no such run
 */
export function groupSession(
  tenantId: string,
  session: ExperimentRow & { testRunNumber: number | null },
  statistics: GroupStatistics | undefined,
  filter: Filter,
): GroupSessionAnswer {
  const { value: _, ...numbers } = statistics ?? noRuns
  return {
    ...sessionWithStatistics(
      tenantId,
      session,
      {
        ...numbers,
        experimentId: session.id,
        itemCount: null,
        lastRunStartTime: numbers.maxStartTime,
        // Feedback on a session as a whole belongs to none of its groups.
        experimentFeedbackStats: '{}',
        testRunNumber: session.testRunNumber,
      },
      true,
    ),
    example_count: numbers.exampleCount,
    filter: printFilter(filter),
    min_start_time: numbers.minStartTime,
    max_start_time: numbers.maxStartTime,
  }
}

const noRuns: GroupStatistics = {
  value: '',
  experimentId: null,
  exampleCount: 0,
  runCount: 0,
  errorCount: 0,
  streamingCount: 0,
  latencyP50: null,
  latencyP99: null,
  firstTokenP50: null,
  firstTokenP99: null,
  promptTokens: null,
  completionTokens: null,
  totalTokens: null,
  promptCost: null,
  completionCost: null,
  totalCost: null,
  minStartTime: null,
  maxStartTime: null,
  feedbackStats: '{}',
}
