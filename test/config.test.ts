import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, settingNames } from '../src/config.ts'

const database = 'postgres://u:p@db:5432/runmill'

describe('defaults', () => {
  test('without any setting it is the embedded mode on loopback', () => {
    expect(readConfig({})).toEqual({
      role: 'all',
      host: '127.0.0.1',
      port: 3000,
      healthPort: null,
      drainSeconds: 0,
      isStrict: false,
      redisReplicas: 0,
      ingestShards: 1,
      logLevel: 'info',
      databaseUrl: null,
      databaseReadUrl: null,
      redisUrl: null,
      dataDir: '.runmill',
      publicUrl: null,
      trustProxy: false,
      blobsBucket: null,
      interactiveWaitMs: 2000,
      maxBodyBytes: 20_971_520,
      backlogBytes: 1_073_741_824,
      rateLimit: 0,
      otlpEndpoint: null,
      initialTenant: { id: null, name: 'default', keys: null },
    })
  })

  test('an empty variable counts as not set', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '  ', ROLE: '' })).toEqual(readConfig({}))
  })

  test('the value is frozen at every depth', () => {
    const config = readConfig({
      RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234',
      RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234',
    })
    for (const part of [config, config.initialTenant, config.initialTenant.keys]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })
})

describe('refused with one sentence that names what to set', () => {
  test.each([
    ['PORT', { PORT: 'http' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://db' }],
    ['DATABASE_URL', { DATABASE_URL: 'db:5432' }],
    ['REDIS_URL', { REDIS_URL: 'cache:6379', DATABASE_URL: database }],
    ['ROLE', { ROLE: 'queue' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['INTERACTIVE_WAIT_MS', { INTERACTIVE_WAIT_MS: '2s' }],
    ['MAX_BODY_BYTES', { MAX_BODY_BYTES: '20MB' }],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }],
    ['RUNMILL_INIT_TENANT_ID', { RUNMILL_INIT_TENANT_ID: 'mine' }],
    ['DATABASE_URL', { REDIS_URL: 'redis://cache:6379' }],
    ['DATABASE_URL', { ROLE: 'worker' }],
    ['DATABASE_URL', { ROLE: 'api' }],
    ['RUNMILL_INIT_SECRET_KEY', { RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234' }],
    ['RUNMILL_PUBLIC_URL', { RUNMILL_PUBLIC_URL: 'runmill.example.com' }],
    ['RUNMILL_TRUST_PROXY', { RUNMILL_TRUST_PROXY: 'nginx' }],
    ['RUNMILL_TRUST_PROXY', { RUNMILL_TRUST_PROXY: '1' }],
    ['RUNMILL_TRUST_PROXY', { RUNMILL_TRUST_PROXY: '10.0.0.0/33' }],
    ['RUNMILL_TRUST_PROXY', { RUNMILL_TRUST_PROXY: '10.0.0.1,' }],
    ['RUNMILL_BLOBS_S3_BUCKET', { RUNMILL_BLOBS_S3_BUCKET: 'a/b' }],
    ['RUNMILL_BLOBS_S3_BUCKET', { RUNMILL_BLOBS_S3_ENDPOINT: 'http://s3:9000' }],
    ['RUNMILL_BLOBS_S3_ENDPOINT', { RUNMILL_BLOBS_S3_ENDPOINT: 's3:9000' }],
    [
      'RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY',
      { RUNMILL_BLOBS_S3_BUCKET: 'a', RUNMILL_BLOBS_S3_ACCESS_KEY_ID: 'key' },
    ],
    ['RUNMILL_INIT_PUBLIC_KEY', { RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234' }],
    [
      'RUNMILL_INIT_PUBLIC_KEY',
      { RUNMILL_INIT_PUBLIC_KEY: 'pk:1234567', RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234' },
    ],
    [
      'RUNMILL_INIT_SECRET_KEY',
      { RUNMILL_INIT_PUBLIC_KEY: 'same-same', RUNMILL_INIT_SECRET_KEY: 'same-same' },
    ],
  ])('%s: %o', (name, environment) => {
    const refusal = catchError(() => readConfig(environment))
    expect(refusal).toBeInstanceOf(ConfigError)
    expect(refusal.message).toContain(name)
    expect(refusal.message).toMatch(/^[^\n]+\.$/)
  })

  test('a wrong secret is not repeated in the message', () => {
    const secret = 'sk with blanks'
    const refusal = catchError(() =>
      readConfig({ RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234', RUNMILL_INIT_SECRET_KEY: secret }),
    )
    expect(refusal.message).not.toContain(secret)
  })
})

describe('accepted', () => {
  test("keys in Langfuse's style, unchanged", () => {
    const keys = { publicKey: 'pk-lf-1234567890', secretKey: 'sk-lf-1234567890' }
    const config = readConfig({
      RUNMILL_INIT_PUBLIC_KEY: keys.publicKey,
      RUNMILL_INIT_SECRET_KEY: keys.secretKey,
    })
    expect(config.initialTenant.keys).toEqual(keys)
  })

  test('both roles with a database and Redis', () => {
    const config = readConfig({
      ROLE: 'worker',
      DATABASE_URL: database,
      REDIS_URL: 'rediss://r:6380/1',
    })
    expect(config).toMatchObject({
      role: 'worker',
      databaseUrl: database,
      redisUrl: 'rediss://r:6380/1',
    })
  })

  test('a bucket, with and without a server and keys of its own', () => {
    expect(readConfig({ RUNMILL_BLOBS_S3_BUCKET: 'mine' }).blobsBucket).toEqual({
      bucket: 'mine',
      endpoint: null,
      region: 'us-east-1',
      credentials: null,
    })
    const config = readConfig({
      RUNMILL_BLOBS_S3_BUCKET: 'mine',
      RUNMILL_BLOBS_S3_ENDPOINT: 'http://s3:9000',
      RUNMILL_BLOBS_S3_REGION: 'eu-central-1',
      RUNMILL_BLOBS_S3_ACCESS_KEY_ID: 'key',
      RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY: 'secret',
    })
    expect(config.blobsBucket).toEqual({
      bucket: 'mine',
      endpoint: 'http://s3:9000',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    })
  })

  test('a public URL, with or without a trailing slash', () => {
    expect(readConfig({ RUNMILL_PUBLIC_URL: 'https://a.example/b/' }).publicUrl).toBe(
      'https://a.example/b',
    )
  })

  test('every proxy, or those at some addresses', () => {
    expect(readConfig({ RUNMILL_TRUST_PROXY: 'true' }).trustProxy).toBe(true)
    const list = 'loopback, 10.0.0.0/8,192.168.1.1,fc00::/7, ::1'
    expect(readConfig({ RUNMILL_TRUST_PROXY: list }).trustProxy).toBe(list)
  })

  test('a tenant id in upper case, which becomes lower case', () => {
    const id = 'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE'
    expect(readConfig({ RUNMILL_INIT_TENANT_ID: id }).initialTenant.id).toBe(id.toLowerCase())
  })
})

describe('documents', () => {
  test('the README lists every setting with its default', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const rows = [...readme.matchAll(/^\| `([A-Z\d_]+)` \| (?:`([^`]*)`)? *\|/gm)]
    expect(rows.map(([, name]) => name)).toEqual(settingNames)
    const defaults = Object.fromEntries(rows.map(([, name, value = '']) => [name!, value]))
    expect(readConfig(defaults)).toEqual(readConfig({}))
  })

  test('.env.example lists every setting and sets nothing but defaults', () => {
    const environment = Object.fromEntries(
      readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
        .split('\n')
        .filter((line) => /^[A-Z]/.test(line))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    expect(Object.keys(environment)).toEqual(settingNames)
    expect(readConfig(environment)).toEqual(readConfig({}))
  })
})

function catchError(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It was accepted.')
}
