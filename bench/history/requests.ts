import type { History } from './rows.ts'

export interface ReadRequest {
  name: string
  path: string
  body?: object
}

/** What clients ask over everything of a tenant: lists, filters and totals. */
export function readRequests({ projectId, datasetId }: History): ReadRequest[] {
  const langfuse = (route: string, parameters: Record<string, unknown> = {}): ReadRequest => {
    const told = Object.entries(parameters).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    return {
      name: `${route} ${told.map(([key, value]) => `${key}=${nameOf(value!)}`).join(' ')}`,
      path: `/api/public/${route}?${new URLSearchParams(told as [string, string][]).toString()}`,
    }
  }
  const filter = (column: string, type: string, operator: string, value: unknown, key?: string) => [
    { column, type, operator, value, ...(key === undefined ? {} : { key }) },
  ]
  const langsmith = (path: string): ReadRequest => ({
    name: `langsmith ${path.slice(0, 60)}`,
    path,
  })
  const runs = (name: string, body: object): ReadRequest => ({
    name: `runs/query ${name}`,
    path: '/runs/query',
    body,
  })
  const statistics = (name: string, path: string, body: object): ReadRequest => ({
    name: `${path.slice(1)} ${name}`,
    path,
    body,
  })
  const session = [projectId]
  return [
    langfuse('traces'),
    langfuse('traces', { page: '1000' }),
    langfuse('traces', { fields: 'core' }),
    langfuse('traces', { name: 'name 3' }),
    langfuse('traces', { name: 'no such' }),
    langfuse('traces', { userId: 'user 123' }),
    langfuse('traces', { sessionId: 'thread 100' }),
    langfuse('traces', { sessionId: 'thread of all' }),
    langfuse('traces', { tags: 'tag 3' }),
    langfuse('traces', { tags: 'topic 30' }),
    langfuse('traces', { environment: 'staging' }),
    langfuse('traces', { orderBy: 'name.asc' }),
    langfuse('traces', { filter: filter('name', 'string', 'contains', 'ame 3') }),
    langfuse('traces', { filter: filter('metadata', 'stringObject', '=', 'r2', 'release') }),
    langfuse('traces', {
      fromTimestamp: '2026-01-05T00:00:00Z',
      toTimestamp: '2026-01-06T00:00:00Z',
      filter: filter('metadata', 'stringObject', '=', 'r2', 'release'),
    }),
    langfuse('traces', { filter: filter('scores', 'numberObject', '>', 3, 'correctness') }),
    langfuse('traces', { filter: filter('scores', 'numberObject', '>', 3, 'rare') }),
    langfuse('traces', {
      filter: filter('score_categories', 'categoryOptions', 'any of', ['label 3'], 'label'),
    }),
    langfuse('traces', {
      filter: filter('score_categories', 'categoryOptions', 'none of', ['label 3'], 'label'),
    }),
    langfuse('traces', { filter: filter('latency', 'number', '>', 1.9) }),
    langfuse('traces', { filter: filter('totalCost', 'number', '>', 0) }),
    langfuse('sessions'),
    langfuse('sessions', { environment: 'staging' }),
    langfuse('sessions', { fromTimestamp: '2026-01-05T00:00:00Z' }),
    langfuse('experiments', { fromStartTime: '2025-01-01T00:00:00Z' }),
    langfuse('experiments', { fromStartTime: '2026-01-05T00:00:00Z' }),
    langfuse('experiments', {
      fromStartTime: '2025-01-01T00:00:00Z',
      fields: 'core,metrics,scores',
    }),
    langfuse('experiment-items', { fromStartTime: '2025-01-01T00:00:00Z' }),
    langfuse('observations'),
    langfuse('observations', { type: 'GENERATION' }),
    langfuse('observations', { name: 'step 2' }),
    langfuse('observations', { name: 'name 3' }),
    langfuse('observations', { level: 'ERROR' }),
    langfuse('observations', { userId: 'user 123' }),
    langfuse('v2/observations'),
    langfuse('v2/observations', { type: 'GENERATION' }),
    langfuse('v2/observations', { name: 'no such' }),
    langfuse('v2/observations', { userId: 'user 123' }),
    langfuse('v2/observations', { sessionId: 'thread 100' }),
    langfuse('scores'),
    langfuse('scores', { name: 'rare' }),
    langfuse('scores', { userId: 'user 123' }),
    langfuse('v2/scores'),
    langfuse('v2/scores', { name: 'rare' }),
    langfuse('v2/scores', { filter: filter('traceName', 'string', '=', 'name 3') }),
    langfuse('v2/scores', { dataType: 'CATEGORICAL' }),
    langfuse('v3/scores'),
    langfuse('v3/scores', { name: 'rare' }),
    langfuse('v3/scores', { name: 'no such' }),
    runs('of a project', { session }),
    runs('roots of a project', { session, is_root: true }),
    runs('by a score', {
      session,
      filter: 'and(eq(feedback_key, "correctness"), gt(feedback_score, 3))',
    }),
    runs('by a rare score', {
      session,
      filter: 'and(eq(feedback_key, "rare"), gt(feedback_score, 3))',
    }),
    runs('roots by no score', { session, is_root: true, filter: 'eq(feedback_key, "none")' }),
    runs('by a name there is not', { session, filter: 'eq(name, "none")' }),
    runs('by a tag there is not', { session, filter: 'has(tags, "none")' }),
    runs('by metadata there is not', {
      session,
      filter: 'and(eq(metadata_key, "none"), eq(metadata_value, "x"))',
    }),
    runs('of a day by metadata there is not', {
      session,
      start_time: '2026-01-05T00:00:00Z',
      end_time: '2026-01-06T00:00:00Z',
      filter: 'and(eq(metadata_key, "none"), eq(metadata_value, "x"))',
    }),
    statistics('of a project', '/runs/stats', { session }),
    statistics('of a day', '/runs/stats', {
      session,
      start_time: '2026-01-05T00:00:00Z',
      end_time: '2026-01-06T00:00:00Z',
    }),
    runs('errors', { session, error: true }),
    runs('of an example', { reference_example: projectId }),
    langsmith('/feedback'),
    langsmith('/feedback?offset=100000'),
    langsmith('/feedback?key=rare'),
    langsmith('/feedback?key=none'),
    langsmith(`/feedback?session=${projectId}`),
    langsmith('/feedback?source=model'),
    langsmith('/sessions'),
    langsmith('/sessions?include_stats=true'),
    langsmith(`/sessions/${projectId}?include_stats=true`),
    langsmith('/sessions?sort_by=latency_p50'),
    langsmith(
      '/sessions?sort_by=feedback&sort_by_feedback_source=run&sort_by_feedback_key=correctness',
    ),
    langsmith(`/sessions?reference_dataset=${datasetId}`),
  ]
}

function nameOf(value: string): string {
  return value.replace(/[[\]{}"]/g, '').slice(0, 90)
}
