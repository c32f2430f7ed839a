import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { readRunFilter } from './run-query-body.ts'
import { runsStreamAnswer, streamRuns } from './run-v2-stream.ts'
import { runSelectFields, runV2Selection } from './run-v2.ts'
import { listOf, time, uuid } from '../schemas.ts'

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
        response: { 200: runsStreamAnswer },
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
      return streamRuns(services, request, reply, query, selection)
    },
  )
}
