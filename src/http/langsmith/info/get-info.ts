import type { App } from '../../services.ts'

/**
 * What the SDKs may use (contracts/langsmith.md 1.6). From 0.16.0 on the SDKs take the v2 routes of runs, traces and
 * experiments for granted; 0.18.0 would promise projects that are found by address, which is not here.
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

export function getInfo(app: App): void {
  const schema = { tags: ['langsmith info'], summary: 'What this server can do' }
  app.get('/info', { schema, config: { scope: 'none' } }, async () => info)
}
