import { mkdtemp, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localHome } from '../../src/blobs/backends/local.ts'
import { s3Home } from '../../src/blobs/backends/s3.ts'
import { BlobsUnavailableError, type IncomingFile } from '../../src/blobs/store.ts'
import { chunks } from '../support/bytes.ts'
import { harness } from '../support/harness.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { type Proxy, startProxy } from '../support/proxy.ts'
import { type RunmillProcess, startRunmill } from '../support/runmill-process.ts'
import { type S3Server, startS3, testsRunOnS3 } from '../support/s3.ts'

const limits = { maxBytes: 1000 }
const key = {
  tenantId: '11111111-1111-4111-8111-111111111111',
  id: 'abcdef00-1111-5111-8111-111111111111',
}
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-homes-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

async function incomingFile(text: string, sha256: string): Promise<IncomingFile> {
  const path = join(folder, 'arrived')
  await writeFile(path, text)
  return { path, size: text.length, sha256, discard: async () => rm(path, { force: true }) }
}

describe('incoming folder', () => {
  test('a start removes what a dead process left behind, and nothing that is being written', async () => {
    const h = await harness({ isOwn: true })
    const incoming = join(h.blobFolder, 'incoming')
    await writeFile(join(incoming, 'dead'), 'half a')
    await writeFile(join(incoming, 'alive'), 'half a')
    const twoHoursAgo = Date.now() / 1000 - 7200
    await utimes(join(incoming, 'dead'), twoHoursAgo, twoHoursAgo)
    await h.blobs.start()
    expect(await readdir(incoming)).toEqual(['alive'])
  })

  test('a disk that accepts nothing counts as unavailable, and not as a fault of the content', async () => {
    const h = await harness({ isOwn: true })
    await rm(join(h.blobFolder, 'incoming'), { recursive: true })
    const put = h.blobs.put(h.tenant.id, chunks('x'), limits)
    await expect(put).rejects.toThrow(BlobsUnavailableError)
    expect(await h.db`select from blobs`).toHaveLength(0)
  })
})

describe('local', () => {
  test('files are arranged by tenant and first digits', async () => {
    const home = localHome(folder)
    await home.start()
    await home.write(key, await incomingFile('x', ''))
    expect(await readdir(join(folder, key.tenantId, 'ab'))).toEqual([key.id])
  })

  test('a folder that cannot be made is refused at the start', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(localHome(join(folder, 'file', 'blobs')).start()).rejects.toThrow('ENOTDIR')
  })

  test('a folder that fails later counts as unavailable, and nothing is recorded', async () => {
    const h = await harness({ isOwn: true })
    await writeFile(join(h.blobFolder, h.tenant.id), 'in the way')
    const put = h.blobs.put(h.tenant.id, chunks('x'), limits)
    await expect(put).rejects.toThrow(BlobsUnavailableError)
    expect(await h.db`select from blobs`).toHaveLength(0)
    await rm(join(h.blobFolder, h.tenant.id))
    await h.blobs.put(h.tenant.id, chunks('x'), limits)
  })

  test('stop works twice, and without a start', async () => {
    await mkdir(join(folder, 'a'))
    const home = localHome(join(folder, 'a'))
    await home.stop()
    await home.stop()
  })
})

if (testsRunOnS3()) {
  describe('s3', () => {
    let s3: S3Server
    let proxy: Proxy

    beforeAll(async () => {
      s3 = await startS3()
      proxy = await startProxy(s3.url)
    })
    afterAll(async () => {
      await proxy.close()
      await s3.stop()
    })

    test('an unreachable server corrupts nothing, and later requests work', async () => {
      const options = await s3.createBucket('away')
      const h = await harness({ blobHome: s3Home({ ...options, endpoint: proxy.through(s3.url) }) })
      const { id } = await h.blobs.put(h.tenant.id, chunks('before'), limits)
      await proxy.down()
      const whileAway = await Promise.allSettled([
        h.blobs.put(h.tenant.id, chunks('meanwhile'), limits),
        h.blobs.get(h.tenant.id, id),
        h.blobs.removeUnused(h.tenant.id, id, '2026-01-22T14:35:42.000000Z'),
      ])
      expect(whileAway).toEqual(
        Array.from({ length: 3 }, () => ({
          status: 'rejected',
          reason: expect.any(BlobsUnavailableError) as unknown,
        })),
      )
      expect(await h.db`select from blobs`).toHaveLength(1)
      expect(await readdir(join(h.blobFolder, 'incoming'))).toEqual([])
      await proxy.up()
      await h.blobs.put(h.tenant.id, chunks('meanwhile'), limits)
      expect(await buffer((await h.blobs.get(h.tenant.id, id))!)).toEqual(Buffer.from('before'))
    })

    test('an upload that is cut off stores nothing', async () => {
      const options = await s3.createBucket('cut')
      const h = await harness({ blobHome: s3Home({ ...options, endpoint: proxy.through(s3.url) }) })
      proxy.cutAfter(100_000)
      const large = chunks(Buffer.alloc(1_000_000, 1))
      const put = h.blobs.put(h.tenant.id, large, { maxBytes: 1_000_000 })
      await expect(put).rejects.toThrow(BlobsUnavailableError)
      await proxy.up()
      expect(await h.db`select from blobs`).toHaveLength(0)
    })

    test('bytes that do not match the hash are refused by the server', async () => {
      const home = s3Home(await s3.createBucket('changed'))
      await home.start()
      const file = await incomingFile('changed on the way', '0'.repeat(64))
      await expect(home.write(key, file)).rejects.toThrow(/x-amz-content-sha256/)
      expect(await home.has(key)).toBe(false)
      await home.stop()
    })

    test('a missing bucket, a wrong key and an unreachable server are told apart at the start', async () => {
      const options = await s3.createBucket('there')
      const missing = s3Home({ ...options, bucket: 'missing' })
      await expect(missing.start()).rejects.toThrow('bucket missing: HTTP 404')
      const credentials = { ...options.credentials!, secretAccessKey: 'wrong' }
      await expect(s3Home({ ...options, credentials }).start()).rejects.toThrow(
        'bucket there: HTTP 403',
      )
      await proxy.down()
      const absent = s3Home({ ...options, endpoint: proxy.through(s3.url) })
      await expect(absent.start()).rejects.toThrow('ECONNREFUSED')
      await proxy.up()
    })

    test('the server starts with a bucket, and refuses a missing one in one sentence', async () => {
      const { endpoint, credentials } = await s3.createBucket('started')
      const database = await createTestDatabase()
      const start = (bucket: string): RunmillProcess =>
        startRunmill({
          DATABASE_URL: database.url,
          RUNMILL_DATA_DIR: folder,
          RUNMILL_BLOBS_S3_BUCKET: bucket,
          RUNMILL_BLOBS_S3_ENDPOINT: endpoint!,
          RUNMILL_BLOBS_S3_ACCESS_KEY_ID: credentials!.accessKeyId,
          RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY: credentials!.secretAccessKey,
        })
      const started = start('started')
      await started.ready
      started.signal('SIGTERM')
      expect(await started.exited).toBe(0)
      const refused = start('missing')
      expect(await refused.exited).toBe(1)
      expect(refused.stderr()).toContain(
        `runmill: Cannot use S3 at ${new URL(s3.url).host} (bucket missing: HTTP 404): check RUNMILL_BLOBS_S3_*.`,
      )
      await database.drop()
    })

    test('without keys of its own it uses those that the AWS SDK finds', async () => {
      const { credentials, ...options } = await s3.createBucket('role')
      process.env.AWS_ACCESS_KEY_ID = credentials?.accessKeyId
      process.env.AWS_SECRET_ACCESS_KEY = credentials?.secretAccessKey
      try {
        const home = s3Home({ ...options, credentials: null })
        await home.start()
        await home.stop()
      } finally {
        delete process.env.AWS_ACCESS_KEY_ID
        delete process.env.AWS_SECRET_ACCESS_KEY
      }
    })
  })
}
