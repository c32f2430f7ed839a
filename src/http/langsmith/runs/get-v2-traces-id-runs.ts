import { z } from 'zod'
import { stringifyWithRaw } from '../../../domain/json.ts'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { RunKey, RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { streamed } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { readRunFilter } from './run-query-body.ts'
import { runV2Answer } from './run-v2-answer.ts'
import { runSelectFields, runV2Context, runV2Selection } from './run-v2.ts'
import { listOf, time, uuid } from '../schemas.ts'
import { streamOf } from '../../reads.ts'

/** Runs that are in memory at one time. */
const pageLength = 500

/** `GET /v2/traces/{trace_id}/runs`: streams all runs of a trace, oldest first (contracts/langsmith.md 2.10.4). */
export function getV2TracesIdRuns(app: App, services: Services): void {
  app.get(
    '/v2/traces/:trace_id/runs',
    {
      config: { errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: 'List the runs of a trace',
        params: z.object({ trace_id: uuid }),
        querystring: z.object({
          project_id: uuid,
          filter: z.string().optional(),
          min_start_time: time.optional(),
          max_start_time: time.optional(),
          selects: listOf(z.enum(runSelectFields)).optional(),
        }),
        response: { 200: streamed(z.object({ items: z.array(runV2Answer) })) },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.principal
      const asked = request.query
      const query: RunQuery = {
        tenantId,
        experimentIds: [asked.project_id],
        traceId: request.params.trace_id,
        minStartTime: asked.min_start_time,
        maxStartTime: asked.max_start_time,
        filters: readRunFilter('filter', asked.filter),
      }
      if ((await experimentFind(services.db, tenantId, asked.project_id)) === null) {
        throw notFound('Project')
      }
      const selection = runV2Selection(asked.selects)
      const context = runV2Context(services, request)
      const read = async (after: RunKey | null) =>
        runList(services.db, query, { order: 'asc', after, limit: pageLength }, selection.columns)
      // The first page is read before the answer begins, so that a failure can still be answered as an error.
      const first = await read(null)

      async function* texts() {
        let page = first
        let separator = '{"items":['
        for (;;) {
          for (const row of page.rows) {
            yield separator + stringifyWithRaw(selection.show(row, context))
            separator = ','
          }
          if (page.next === null) break
          page = await read(page.next)
        }
        yield separator === ',' ? ']}' : `${separator}]}`
      }
      return reply.type('application/json; charset=utf-8').send(streamOf(texts()))
    },
  )
}
