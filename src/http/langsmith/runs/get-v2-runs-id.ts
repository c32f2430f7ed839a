import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { runV2Answer } from './run-v2-answer.ts'
import { runSelectFields, runV2Context, runV2Selection } from './run-v2.ts'
import { listOf, time, uuid } from '../schemas.ts'

/**
 * `GET /v2/runs/{run_id}`: a run of the given project (contracts/langsmith.md 2.10.2). `start_time` is not needed here.
 */
export function getV2RunsId(app: App, services: Services): void {
  app.get(
    '/v2/runs/:run_id',
    {
      config: { errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: 'Read a run',
        params: z.object({ run_id: uuid }),
        querystring: z.object({
          project_id: uuid,
          selects: listOf(z.enum(runSelectFields)).optional(),
          start_time: time.optional(),
        }),
        response: { 200: runV2Answer },
      },
    },
    async (request) => {
      const row = await runFind(services.db, request.principal.tenantId, request.params.run_id)
      if (row === null || row.experimentId !== request.query.project_id) throw notFound('Run')
      const context = runV2Context(services, request)
      return runV2Selection(request.query.selects).show(row, context)
    },
  )
}
