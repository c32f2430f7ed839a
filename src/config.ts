import { isIP } from 'node:net'
import { z } from 'zod'

/** Thrown when the settings cannot work. The message is one sentence that says what to set. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export type Role = 'api' | 'worker' | 'all'

/** An S3 bucket for attachments. */
export interface BlobsBucket {
  bucket: string
  /** null for Amazon's own. */
  endpoint: string | null
  region: string
  /** null for the machine's own role. */
  credentials: { accessKeyId: string; secretAccessKey: string } | null
}

export interface InitialTenant {
  /** A UUID; null lets the server derive one. */
  id: string | null
  name: string
  keys: { publicKey: string; secretKey: string } | null
}

/** The settings of the process: frozen, complete and cross-checked. */
export interface Config {
  role: Role
  host: string
  /** 0 takes a free port. */
  port: number
  /** The port on which health is served separately; 0 takes a free port. null: 3900 if that is free, otherwise any. */
  healthPort: number | null
  /** Whether a start refuses a Redis that may lose what it has taken, instead of warning. */
  isStrict: boolean
  /** How many replicas of Redis must have what is acknowledged; 0 for none. */
  redisReplicas: number
  /** How many queues of Redis each lane of events has. */
  ingestShards: number
  /** How long a process that was told to end still serves, so that balancers send requests elsewhere. */
  drainSeconds: number
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** null for the embedded Postgres in `dataDir`. */
  databaseUrl: string | null
  /** A replica of that server, for reads; null when there is none. */
  databaseReadUrl: string | null
  /** null when the queues are in Postgres, in the same database as everything else. */
  redisUrl: string | null
  dataDir: string
  /**
   * The address at which clients reach the API, without a trailing slash; null for the address that each request was
   * sent to.
   */
  publicUrl: string | null
  /**
   * Whose `X-Forwarded-Host` and `-Proto` are trusted: false for nobody's, true for everybody's, or a list of
   * addresses.
   */
  trustProxy: boolean | string
  /** null when attachments are stored in `dataDir`. */
  blobsBucket: BlobsBucket | null
  /** The milliseconds that an interactive write waits to be applied (SPEC I9). */
  interactiveWaitMs: number
  /** The largest request body in bytes, after decompression. */
  maxBodyBytes: number
  /** Bytes of accepted events that may wait to be applied. */
  backlogBytes: number
  /** Requests that a key may send in a second; 0: as many as it likes. */
  rateLimit: number
  /** Where this process sends its own traces, without `/v1/traces`; null for nowhere. */
  otlpEndpoint: string | null
  initialTenant: InitialTenant
}

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)

const url = (protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol))

/**
 * Whether the text can be an entry of Fastify's `trustProxy`: an IP address, with or without a prefix length, or the
 * name of a range.
 */
function isProxyAddress(text: string): boolean {
  if (/^\s*(?:loopback|linklocal|uniquelocal)\s*$/.test(text)) return true
  const [, address = '', prefix] = /^([^/%]*)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return bits > 0 && (prefix === undefined || (Number(prefix) > 0 && Number(prefix) <= bits))
}

/**
 * Every setting: how it is read, and what to say when it cannot be. Tests check that `.env.example` and the README list
 * the same settings.
 */
const settings = {
  PORT: { schema: wholeNumber(0, 65_535).default(3000), expects: 'a port number, 0 to 65535' },
  HOST: { schema: z.string().default('127.0.0.1'), expects: 'an address to listen on' },
  RUNMILL_HEALTH_PORT: {
    schema: wholeNumber(0, 65_535).optional(),
    expects: 'a port number, 0 to 65535',
  },
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']).optional(),
    expects: 'a URL like postgres://user:password@host:5432/runmill',
  },
  DATABASE_READ_URL: {
    schema: url(['postgres:', 'postgresql:']).optional(),
    expects: 'a URL like postgres://user:password@replica:5432/runmill',
  },
  REDIS_URL: {
    schema: z
      .string()
      .regex(/^rediss?(?:-cluster|-sentinel)?:\/\/\S+$/)
      .optional(),
    expects: 'a URL like redis://host:6379, redis-cluster://… or redis-sentinel://…',
  },
  RUNMILL_REDIS_WAIT: {
    schema: wholeNumber(0, 10).default(0),
    expects: 'a number of replicas, 0 to 10',
  },
  RUNMILL_INGEST_SHARDS: {
    schema: wholeNumber(1, 16).default(1),
    expects: 'a number of shards, 1 to 16',
  },
  RUNMILL_STRICT: {
    schema: z
      .enum(['0', '1'])
      .default('0')
      .transform((text) => text === '1'),
    expects: '0 or 1',
  },
  RUNMILL_DRAIN_SECONDS: { schema: wholeNumber(0, 300).optional(), expects: 'seconds, 0 to 300' },
  ROLE: { schema: z.enum(['api', 'worker', 'all']).default('all'), expects: 'api, worker or all' },
  LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    expects: 'fatal, error, warn, info, debug, trace or silent',
  },
  RUNMILL_DATA_DIR: { schema: z.string().default('.runmill'), expects: 'a folder' },
  RUNMILL_PUBLIC_URL: {
    schema: url(['http:', 'https:'])
      .transform((text) => text.replace(/\/+$/, ''))
      .optional(),
    expects: 'a URL like https://runmill.example.com',
  },
  RUNMILL_TRUST_PROXY: {
    schema: z
      .string()
      .refine((text) => text === 'true' || text.split(',').every(isProxyAddress))
      .transform((text) => text === 'true' || text)
      .optional(),
    expects: 'true, or addresses of proxies like 10.0.0.0/8, 127.0.0.1',
  },
  RUNMILL_BLOBS_S3_BUCKET: {
    schema: z
      .string()
      .regex(/^[\w.-]{1,255}$/)
      .optional(),
    expects: 'the name of a bucket',
  },
  RUNMILL_BLOBS_S3_ENDPOINT: {
    schema: url(['http:', 'https:']).optional(),
    expects: 'a URL like https://s3.example.com',
  },
  RUNMILL_BLOBS_S3_REGION: {
    schema: z
      .string()
      .regex(/^[\w-]{1,100}$/)
      .default('us-east-1'),
    expects: 'a region like us-east-1',
  },
  RUNMILL_BLOBS_S3_ACCESS_KEY_ID: { schema: z.string().optional(), expects: 'an access key' },
  RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY: { schema: z.string().optional(), expects: 'a secret key' },
  INTERACTIVE_WAIT_MS: {
    schema: wholeNumber(0, 60_000).default(2000),
    expects: 'milliseconds, 0 to 60000',
  },
  MAX_BODY_BYTES: {
    schema: wholeNumber(1024, 1024 ** 3).default(20 * 1024 ** 2),
    expects: 'bytes, 1024 to 1073741824',
  },
  RUNMILL_BACKLOG_BYTES: {
    schema: wholeNumber(1_048_576, 2 ** 40).default(1024 ** 3),
    expects: 'bytes, 1048576 to 1099511627776',
  },
  RUNMILL_RATE_LIMIT: {
    schema: wholeNumber(0, 1_000_000).default(0),
    expects: 'requests a second, 0 to 1000000',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: url(['http:', 'https:']).optional(),
    expects: 'a URL like http://collector:4318',
  },
  RUNMILL_INIT_TENANT_ID: { schema: z.guid().optional(), expects: 'a UUID' },
  RUNMILL_INIT_TENANT_NAME: {
    schema: z.string().max(200).default('default'),
    expects: 'a name of at most 200 characters',
  },
  RUNMILL_INIT_PUBLIC_KEY: {
    schema: z
      .string()
      .regex(/^[!-9;-~]{8,200}$/)
      .optional(),
    expects: '8 to 200 printable characters without blanks or colons, like pk-rm-…',
  },
  RUNMILL_INIT_SECRET_KEY: {
    schema: z
      .string()
      .regex(/^[!-9;-~]{8,200}$/)
      .optional(),
    expects: '8 to 200 printable characters without blanks or colons, like sk-rm-…',
  },
}

type Name = keyof typeof settings

/** The names of all settings, in the order of the README's table. */
export const settingNames = Object.keys(settings) as Name[]

/**
 * Reads the configuration. This is the only function that reads the environment. As in compose files, an empty variable
 * counts as not set.
 * @throws ConfigError
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const read = <N extends Name>(name: N): z.output<(typeof settings)[N]['schema']> => {
    const { schema, expects } = settings[name]
    const result = schema.safeParse(environment[name]?.trim() || undefined)
    if (!result.success) throw new ConfigError(`${name} must be ${expects}.`)
    return result.data as z.output<(typeof settings)[N]['schema']>
  }

  const role = read('ROLE')
  const databaseUrl = read('DATABASE_URL') ?? null
  const databaseReadUrl = read('DATABASE_READ_URL') ?? null
  const redisUrl = read('REDIS_URL') ?? null
  const publicKey = read('RUNMILL_INIT_PUBLIC_KEY')
  const secretKey = read('RUNMILL_INIT_SECRET_KEY')

  const bucket = read('RUNMILL_BLOBS_S3_BUCKET')
  const accessKeyId = read('RUNMILL_BLOBS_S3_ACCESS_KEY_ID')
  const secretAccessKey = read('RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY')
  const endpoint = read('RUNMILL_BLOBS_S3_ENDPOINT')

  if (redisUrl !== null && databaseUrl === null) {
    throw new ConfigError(
      'REDIS_URL is set without DATABASE_URL, but processes that share Redis must share a database too: set DATABASE_URL, or unset REDIS_URL.',
    )
  }
  const redisReplicas = read('RUNMILL_REDIS_WAIT')
  const ingestShards = read('RUNMILL_INGEST_SHARDS')
  if (ingestShards > 1 && redisUrl === null) {
    throw new ConfigError(
      'RUNMILL_INGEST_SHARDS is set without REDIS_URL, but only on Redis lanes have shards: set REDIS_URL, or unset it.',
    )
  }
  if (redisReplicas > 0 && redisUrl === null) {
    throw new ConfigError(
      'RUNMILL_REDIS_WAIT is set without REDIS_URL, but without Redis it has no replicas: set REDIS_URL, or unset it.',
    )
  }
  if (databaseReadUrl !== null && databaseUrl === null) {
    throw new ConfigError(
      'DATABASE_READ_URL is set without DATABASE_URL, which it has to be a replica of: set both, or unset it.',
    )
  }
  if (role !== 'all' && databaseUrl === null) {
    throw new ConfigError(
      `ROLE=${role} needs DATABASE_URL, as the embedded database serves one process alone: set DATABASE_URL, or ROLE=all.`,
    )
  }
  const [port, healthPort] = [read('PORT'), read('RUNMILL_HEALTH_PORT')]
  if (port === healthPort && port !== 0) {
    throw new ConfigError('RUNMILL_HEALTH_PORT must differ from PORT.')
  }
  if ((publicKey === undefined) !== (secretKey === undefined)) {
    throw new ConfigError(
      'RUNMILL_INIT_PUBLIC_KEY and RUNMILL_INIT_SECRET_KEY are a pair: set both, or neither.',
    )
  }
  if (publicKey !== undefined && publicKey === secretKey) {
    throw new ConfigError('RUNMILL_INIT_SECRET_KEY must differ from RUNMILL_INIT_PUBLIC_KEY.')
  }

  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError(
      'RUNMILL_BLOBS_S3_ACCESS_KEY_ID and RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY are a pair: set both, or neither.',
    )
  }
  if (bucket === undefined && (endpoint ?? accessKeyId) !== undefined) {
    throw new ConfigError(
      'RUNMILL_BLOBS_S3_BUCKET is not set, but other settings of S3 are: set it, or unset them.',
    )
  }

  return Object.freeze({
    role,
    host: read('HOST'),
    port,
    healthPort: healthPort ?? null,
    isStrict: read('RUNMILL_STRICT'),
    redisReplicas,
    ingestShards,
    // Only an API without workers is sure to have others beside it.
    drainSeconds: read('RUNMILL_DRAIN_SECONDS') ?? (role === 'api' ? 5 : 0),
    logLevel: read('LOG_LEVEL'),
    databaseUrl,
    databaseReadUrl,
    redisUrl,
    dataDir: read('RUNMILL_DATA_DIR'),
    publicUrl: read('RUNMILL_PUBLIC_URL') ?? null,
    trustProxy: read('RUNMILL_TRUST_PROXY') ?? false,
    blobsBucket:
      bucket === undefined
        ? null
        : Object.freeze({
            bucket,
            endpoint: endpoint ?? null,
            region: read('RUNMILL_BLOBS_S3_REGION'),
            credentials:
              accessKeyId === undefined || secretAccessKey === undefined
                ? null
                : Object.freeze({ accessKeyId, secretAccessKey }),
          }),
    interactiveWaitMs: read('INTERACTIVE_WAIT_MS'),
    maxBodyBytes: read('MAX_BODY_BYTES'),
    backlogBytes: read('RUNMILL_BACKLOG_BYTES'),
    rateLimit: read('RUNMILL_RATE_LIMIT'),
    otlpEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT') ?? null,
    initialTenant: Object.freeze({
      id: read('RUNMILL_INIT_TENANT_ID')?.toLowerCase() ?? null,
      name: read('RUNMILL_INIT_TENANT_NAME'),
      keys:
        publicKey === undefined || secretKey === undefined
          ? null
          : Object.freeze({ publicKey, secretKey }),
    }),
  })
}
