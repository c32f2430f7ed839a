import { expect, test } from 'vitest'
import { harness } from '../../../support/harness.ts'

test('GET /info needs no key, accepts a wrong one, and has all six batch keys under every prefix', async () => {
  const h = await harness()
  for (const prefix of ['', '/api', '/api/v1']) {
    const answer = await h.call('GET', `${prefix}/info`, undefined, { 'x-api-key': 'wrong' })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      version: '0.16.0',
      batch_ingest_config: { use_multipart_endpoint: true },
      instance_flags: {
        dataset_examples_multipart_enabled: true,
        examples_multipart_enabled: true,
        zstd_compression_enabled: true,
        gzip_body_enabled: true,
      },
    })
    expect(Object.keys(answer.body.batch_ingest_config).toSorted()).toEqual([
      'scale_down_nempty_trigger',
      'scale_up_nthreads_limit',
      'scale_up_qsize_trigger',
      'size_limit',
      'size_limit_bytes',
      'use_multipart_endpoint',
    ])
  }
})

test('GET /info/health returns an object without a key', async () => {
  const h = await harness()
  expect(await h.call('GET', '/info/health', undefined, { 'x-api-key': '' })).toMatchObject({
    status: 200,
    body: { status: 'ok' },
  })
})
