import { z } from 'zod'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { flag, ignored, uuid } from '../schemas.ts'
import { findSharedRun, publicRunFromRow } from './shared-run.ts'

/** `GET /public/{share_token}/run`, for whoever has the token (contracts/langsmith.md 2.9). */
export function getPublicTokenRun(app: App, services: Services): void {
  app.get(
    '/public/:share_token/run',
    {
      config: { scope: 'none' },
      schema: {
        tags: ['public'],
        summary: 'Read a shared run',
        params: z.object({ share_token: uuid }),
        querystring: z.object({
          exclude_s3_stored_attributes: ignored(flag.optional(), 'there is one store'),
        }),
      },
    },
    async (request) =>
      publicRunFromRow(
        await findSharedRun(services, request, request.params.share_token),
        attachmentUrls(services, request),
      ),
  )
}
