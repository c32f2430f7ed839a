import type { App } from '../parts.ts'

/**
 * What the SDKs may use (contracts/langsmith.md 1.6). The multipart routes, and with them compressed bodies, are not
 * built yet; version 0.18.0 would promise the v2 routes.
 */
const info = {
  version: '0.12.0',
  git_sha: null,
  license_expiration_time: null,
  customer_info: null,
  batch_ingest_config: {
    use_multipart_endpoint: false,
    scale_up_qsize_trigger: 1000,
    scale_up_nthreads_limit: 16,
    scale_down_nempty_trigger: 4,
    size_limit: 100,
    size_limit_bytes: 20_971_520,
  },
  instance_flags: {
    dataset_examples_multipart_enabled: false,
    examples_multipart_enabled: false,
    zstd_compression_enabled: false,
    gzip_body_enabled: false,
  },
}

export function getInfo(app: App): void {
  const schema = { tags: ['langsmith info'], summary: 'What this server can do' }
  app.get('/info', { schema, config: { scope: 'none' } }, async () => info)
}
