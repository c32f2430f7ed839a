import { z } from 'zod'
import { runFind } from '../../../store/read/runs/runs.ts'
import { baseUrl } from '../../blobs.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { ignored, text, uuid } from '../schemas.ts'
import { appPathOf } from './run-from-row.ts'

/** `GET /v2/runs/{run_id}/url`: the address of a run's page (contracts/langsmith.md 2.10.2). */
export function getV2RunsIdUrl(app: App, services: Services): void {
  app.get(
    '/v2/runs/:run_id/url',
    {
      config: { errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: "Read the address of a run's page",
        params: z.object({ run_id: uuid }),
        querystring: z.object({
          project_id: uuid,
          trace_id: uuid,
          start_time: ignored(text.optional(), 'a run is found by its id'),
        }),
        response: { 200: z.object({ url: z.string() }) },
      },
    },
    async (request) => {
      const { project_id: projectId, trace_id: traceId } = request.query
      const row = await runFind(services.db, request.principal.tenantId, request.params.run_id)
      if (row === null || row.experimentId !== projectId || row.traceId !== traceId) {
        throw notFound('Run')
      }
      return { url: `${baseUrl(services, request)}${appPathOf(row)}` }
    },
  )
}
