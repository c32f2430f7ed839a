import { z } from 'zod'
import type { App } from '../../services.ts'

/**
 * What the SDKs may use (contracts/langsmith.md 1.6). They take a server of 0.16.0 or later to have the v2 routes of
 * runs, traces and experiments, and one of 0.18.0 to find projects by address, which this server does not.
 */
const info = {
  version: '0.16.0',
  git_sha: null,
  license_expiration_time: null,
  customer_info: null,
  batch_ingest_config: {
    use_multipart_endpoint: true,
    scale_up_qsize_trigger: 1000,
    scale_up_nthreads_limit: 16,
    scale_down_nempty_trigger: 4,
    size_limit: 100,
    size_limit_bytes: 20_971_520,
  },
  instance_flags: {
    dataset_examples_multipart_enabled: true,
    examples_multipart_enabled: true,
    zstd_compression_enabled: true,
    gzip_body_enabled: true,
  },
}

const infoAnswer = z.object({
  version: z.string(),
  git_sha: z.null(),
  license_expiration_time: z.null(),
  customer_info: z.null(),
  batch_ingest_config: z.object({
    use_multipart_endpoint: z.boolean(),
    scale_up_qsize_trigger: z.int(),
    scale_up_nthreads_limit: z.int(),
    scale_down_nempty_trigger: z.int(),
    size_limit: z.int(),
    size_limit_bytes: z.int(),
  }),
  instance_flags: z.record(z.string(), z.boolean()),
})

/** Both are answered without a key: the SDKs ask before they send anything. */
export function infoRoutes(app: App): void {
  const tags = ['langsmith info']
  const config = { scope: 'none' as const }

  const infoSchema = { tags, summary: 'What this server can do', response: { 200: infoAnswer } }
  app.get('/info', { schema: infoSchema, config }, async () => info)

  const healthSchema = {
    tags,
    summary: 'Whether the server answers',
    response: { 200: z.object({ status: z.string() }) },
  }
  app.get('/info/health', { schema: healthSchema, config }, async () => ({ status: 'ok' }))
}
