import { z } from 'zod'
import { runList, type RunColumn } from '../../../store/read/runs/run-list.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { runListThreadTurns } from '../../../store/read/runs/project-threads.ts'
import { wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { latencyOf } from '../runs/run-from-row.ts'
import { readRunCursor, writeRunCursor } from '../runs/run-cursor.ts'
import { readRunFilter } from '../runs/run-query-body.ts'
import { runV2Answer } from '../runs/run-v2-answer.ts'
import { runV2Context, runV2Selection } from '../runs/run-v2.ts'
import { listOf, text, uuid } from '../schemas.ts'
import { assertProject } from './thread-query.ts'

/** ThreadTraceSelectField: fields that a run of v2 has as well. */
const runFields = [
  'THREAD_ID',
  'TRACE_ID',
  'PROMPT_TOKENS',
  'COMPLETION_TOKENS',
  'TOTAL_TOKENS',
  'START_TIME',
  'END_TIME',
  'INPUTS_PREVIEW',
  'OUTPUTS_PREVIEW',
  'INPUTS',
  'OUTPUTS',
  'ERROR',
  'PROMPT_COST',
  'COMPLETION_COST',
  'TOTAL_COST',
  'PROMPT_TOKEN_DETAILS',
  'COMPLETION_TOKEN_DETAILS',
  'PROMPT_COST_DETAILS',
  'COMPLETION_COST_DETAILS',
  'NAME',
  'ERROR_PREVIEW',
] as const

/** Those that it has not. There is no value for `OP`, because the vendor does not publish its codes. */
const otherFields = ['OP', 'LATENCY', 'FIRST_TOKEN_TIME', 'TURN_NUMBER'] as const

const traceAnswer = runV2Answer
  .pick({
    thread_id: true,
    prompt_tokens: true,
    completion_tokens: true,
    total_tokens: true,
    start_time: true,
    end_time: true,
    first_token_time: true,
    inputs_preview: true,
    outputs_preview: true,
    inputs: true,
    outputs: true,
    error: true,
    prompt_cost: true,
    completion_cost: true,
    total_cost: true,
    prompt_token_details: true,
    completion_token_details: true,
    prompt_cost_details: true,
    completion_cost_details: true,
    name: true,
    error_preview: true,
  })
  .extend({
    trace_id: runV2Answer.shape.trace_id.unwrap(),
    latency: z.number().optional(),
    turn_number: wholeAnswer.optional(),
  })

/** `GET /v2/threads/{thread_id}/traces`: the turns of a thread, newest first (contracts/langsmith.md 2.10.5). */
export function getV2ThreadsIdTraces(app: App, services: Services): void {
  const { db } = services
  app.get(
    '/v2/threads/:thread_id/traces',
    {
      config: { errorShape: 'problem' },
      schema: {
        tags: ['threads'],
        summary: 'List the traces of a thread',
        params: z.object({ thread_id: text }),
        querystring: z.object({
          project_id: uuid,
          filter: z.string().optional().describe('A filter of the root run'),
          trace_filter: z.string().optional().describe('The same as `filter`; both must hold'),
          tree_filter: z
            .string()
            .optional()
            .describe('A filter that some run of the trace must meet'),
          page_size: z.coerce.number().int().min(1).max(100).default(20),
          cursor: z.string().optional(),
          selects: listOf(z.enum([...runFields, ...otherFields])).optional(),
        }),
        response: {
          200: z.object({ items: z.array(traceAnswer), next_cursor: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { principal, query: asked } = request
      const { tenantId } = principal
      const { project_id: projectId, selects = [] } = asked
      const threadId = request.params.thread_id
      const query = {
        tenantId,
        experimentIds: [projectId],
        threadIds: [threadId],
        isRoot: true,
        filters: [
          ...readRunFilter('filter', asked.filter),
          ...readRunFilter('trace_filter', asked.trace_filter),
        ],
        treeFilter: readRunFilter('tree_filter', asked.tree_filter)[0],
      }
      const after = asked.cursor ? readRunCursor(principal, 'desc', asked.cursor) : null
      await assertProject(db, tenantId, projectId)

      const ofRun = runFields.filter((name) => name === 'TRACE_ID' || selects.includes(name))
      const selection = runV2Selection(ofRun)
      const columns = new Set<RunColumn>([...selection.columns, 'traceFirstTokenTime'])
      const page = await runList(
        db,
        query,
        { order: 'desc', after, limit: asked.page_size },
        columns,
      )
      const ids = page.rows.map((row) => row.id)
      const turns = selects.includes('TURN_NUMBER')
        ? await runListThreadTurns(db, tenantId, projectId, threadId, ids)
        : null
      const context = runV2Context(services, request)
      const more = (row: RunDetailRow) => ({
        latency: selects.includes('LATENCY') ? latencyOf(row) : null,
        first_token_time: selects.includes('FIRST_TOKEN_TIME') ? row.traceFirstTokenTime : null,
        turn_number: turns?.get(row.id),
      })
      return {
        items: page.rows.map((row) => ({
          ...selection.show(row, context),
          ...withoutAbsent(more(row)),
          trace_id: row.traceId ?? row.id,
        })),
        next_cursor: page.next === null ? null : writeRunCursor(principal, 'desc', page.next),
      }
    },
  )
}

function withoutAbsent<Value extends object>(
  value: Value,
): { [Name in keyof Value]?: NonNullable<Value[Name]> } {
  const there = Object.entries(value).filter(([, each]) => each !== null && each !== undefined)
  return Object.fromEntries(there) as { [Name in keyof Value]?: NonNullable<Value[Name]> }
}
