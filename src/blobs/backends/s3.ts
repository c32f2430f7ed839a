import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { type BlobHome, type BlobKey, BlobsUnavailableError } from '../store.ts'

export interface S3Options {
  bucket: string
  /** null: Amazon's own endpoint of the region. Otherwise this server, with the bucket in the path. */
  endpoint: string | null
  region: string
  /** null: the machine's own role, as the AWS SDK finds it. */
  credentials: { accessKeyId: string; secretAccessKey: string } | null
}

/** How long to wait for a connection, and after that for the server to say anything. */
const connectTimeoutMs = 5000
const silenceTimeoutMs = 30_000

/**
 * Keeps each blob as an object `<tenant>/<id>` of one bucket, which must exist. A blob may have 5 GB, the most that
 * S3 takes in one request.
 */
export function s3Home({ bucket, endpoint, region, credentials }: S3Options): BlobHome {
  let opened: { sdk: typeof import('@aws-sdk/client-s3'); client: S3Client } | undefined

  function use(): { sdk: typeof import('@aws-sdk/client-s3'); client: S3Client } {
    if (opened === undefined) throw new Error('The S3 home is not started')
    return opened
  }

  const locate = ({ tenantId, id }: BlobKey): { Bucket: string; Key: string } => ({
    Bucket: bucket,
    Key: `${tenantId}/${id}`,
  })

  return {
    async start() {
      // Loaded only where S3 is used, because it takes 24 MB of memory and 0.4 s.
      const sdk = await import('@aws-sdk/client-s3')
      const client = new sdk.S3Client({
        region,
        ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
        // A copy, because the SDK writes into what it is given, and settings are frozen.
        ...(credentials === null ? {} : { credentials: { ...credentials } }),
        // Many servers that speak S3 refuse the newer checksum headers. The signed SHA-256 covers the content.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        maxAttempts: 2,
        // The SDK would print to the terminal what it then throws.
        logger: silent,
        requestHandler: {
          connectionTimeout: connectTimeoutMs,
          socketTimeout: silenceTimeoutMs,
        },
      })
      opened = { sdk, client }
      try {
        await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }))
      } catch (error) {
        throw new Error(`bucket ${bucket}: ${describe(error)}`, { cause: error })
      }
    },
    async has(key) {
      const { sdk, client } = use()
      const head = new sdk.HeadObjectCommand(locate(key))
      return (await unlessMissing(async () => client.send(head))) !== null
    },
    async write(key, file) {
      const { sdk, client } = use()
      const body = createReadStream(file.path)
      const put = new sdk.PutObjectCommand({
        ...locate(key),
        Body: body,
        ContentLength: file.size,
        ContentType: 'application/octet-stream',
      })
      // The hash of the content becomes part of the signature: the server refuses bytes that changed on the way.
      put.middlewareStack.add(
        (next) => async (args) => {
          const { headers } = args.request as { headers: Record<string, string> }
          headers['x-amz-content-sha256'] = file.sha256
          return next(args)
        },
        { step: 'build' },
      )
      try {
        await orUnavailable(async () => client.send(put))
      } finally {
        body.destroy()
      }
    },
    async read(key, range) {
      const { sdk, client } = use()
      const get = new sdk.GetObjectCommand({
        ...locate(key),
        ...(range === null ? {} : { Range: `bytes=${range.first}-${range.last}` }),
      })
      const found = await unlessMissing(async () => client.send(get))
      if (found === null) return null
      return found.Body instanceof Readable ? found.Body : Readable.from([])
    },
    async remove(key) {
      const { sdk, client } = use()
      await orUnavailable(async () => client.send(new sdk.DeleteObjectCommand(locate(key))))
    },
    async stop() {
      opened?.client.destroy()
    },
  }
}

async function unlessMissing<T>(act: () => Promise<T>): Promise<T | null> {
  return orUnavailable(async () => {
    try {
      return await act()
    } catch (error) {
      // The answer to a HEAD has no body to say more, so its error is NotFound.
      const name = error instanceof Error ? error.name : ''
      if (name === 'NoSuchKey' || name === 'NotFound') return null
      throw error
    }
  })
}

const ignore = (): void => {}
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * Reports any failure, a refusal by the server included, as BlobsUnavailableError: the request is not at fault and
 * may be sent again.
 */
async function orUnavailable<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new BlobsUnavailableError(`S3: ${describe(error)}`, { cause: error })
  }
}

function describe(error: unknown): string {
  // A connection to a host with two addresses fails with two errors and an empty message.
  const first = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return String(first)
  // An answer without a body, such as that to a HEAD, has no message, and the SDK makes up none.
  const status = (first as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  const isWordless = /^(?:|Unknown|UnknownError)$/.test(first.message)
  return isWordless && status !== undefined ? `HTTP ${status}` : first.message || first.name
}
