import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localHome } from '../../src/blobs/backends/local.ts'
import { s3Home } from '../../src/blobs/backends/s3.ts'
import { type BlobHome, BlobTooLargeError } from '../../src/blobs/store.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { tenantDelete } from '../../src/store/write/tenants/tenant-deletion.ts'
import { bigContent, chunks, everyByte, readAll } from '../support/bytes.ts'
import { type Harness, harness } from '../support/harness.ts'
import { type S3Server, startS3, testsRunOnS3 } from '../support/s3.ts'

const megabyte = 1_048_576
const limits = { maxBytes: megabyte }
/** By the clock of the tests: later than anything they stored was used. */
const tomorrow = '2026-01-22T14:35:42.000000Z'

let s3: S3Server
let folder: string
const withS3 = testsRunOnS3()

const homes = [
  { name: 'local', open: async (): Promise<BlobHome> => localHome(join(folder, 'contents')) },
  ...(withS3
    ? [
        {
          name: 's3',
          open: async (): Promise<BlobHome> =>
            s3Home(await s3.createBucket(`bucket-${Math.random().toString(36).slice(2)}`)),
        },
      ]
    : []),
]

beforeAll(async () => {
  if (withS3) s3 = await startS3()
})
afterAll(async () => s3?.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-home-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

describe.each(homes)('$name', ({ open }) => {
  let h: Harness
  let home: BlobHome
  let writes: number

  beforeEach(async () => {
    const real = await open()
    writes = 0
    home = {
      ...real,
      write: async (key, file) => {
        writes++
        await real.write(key, file)
      },
    }
    h = await harness({ blobHome: home })
  })

  const put = async (...parts: (Uint8Array | string)[]) =>
    h.blobs.put(h.tenant.id, chunks(...parts), limits)
  const get = async (id: string) => readAll(await h.blobs.get(h.tenant.id, id))
  const leftovers = async (): Promise<string[]> => readdir(join(h.blobFolder, 'incoming'))

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one zero', Buffer.alloc(1)],
    ['every byte', everyByte],
    ['line ends', Buffer.from('\r\n\n\r--boundary--\r\n\0')],
  ])('%s reads back byte for byte', async (_, bytes) => {
    const blob = await put(bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(blob).toEqual({ id: deriveId('blob', sha256), size: bytes.length, sha256 })
    expect(await get(blob.id)).toEqual(bytes)
    expect(await h.blobs.find(h.tenant.id, blob.id)).toMatchObject(blob)
    expect(await leftovers()).toEqual([])
  })

  test('100 MB pass in both directions without being in memory as a whole', async () => {
    let peak = 0
    const before = process.memoryUsage().rss
    const look = (): void => {
      peak = Math.max(peak, process.memoryUsage().rss - before)
    }
    const size = 100 * megabyte
    const big = bigContent(size, look)
    const blob = await h.blobs.put(h.tenant.id, big.content, { maxBytes: size })
    expect(blob).toMatchObject({ size, sha256: big.sha256() })
    const hash = createHash('sha256')
    for await (const chunk of (await h.blobs.get(h.tenant.id, blob.id))!) {
      hash.update(chunk as Uint8Array)
      look()
    }
    expect(hash.digest('hex')).toBe(blob.sha256)
    expect(peak).toBeLessThan(64 * megabyte)
  })

  test('chunks make no difference: the same bytes are the same blob, and stored once', async () => {
    const first = await put('ab', 'cd', '')
    const second = await put('a', 'bcd')
    expect(second).toEqual(first)
    expect(writes).toBe(1)
    expect(await leftovers()).toEqual([])
  })

  test('the same bytes stored concurrently are one blob that all can read', async () => {
    const blobs = await Promise.all(Array.from({ length: 8 }, async () => put(everyByte)))
    expect(new Set(blobs.map(({ id }) => id)).size).toBe(1)
    expect(await get(blobs[0]!.id)).toEqual(everyByte)
    expect(await h.db`select from blobs`).toHaveLength(1)
    expect(await leftovers()).toEqual([])
  })

  test('a blob over the limit is refused and leaves nothing, one at the limit is kept', async () => {
    const tooLarge = h.blobs.put(h.tenant.id, chunks('12345', '6'), { maxBytes: 5 })
    await expect(tooLarge).rejects.toThrow(BlobTooLargeError)
    expect(writes).toBe(0)
    expect(await h.db`select from blobs`).toHaveLength(0)
    expect(await leftovers()).toEqual([])
    await h.blobs.put(h.tenant.id, chunks('12345'), { maxBytes: 5 })
  })

  test('an upload that breaks off passes its own error on, and leaves nothing', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield everyByte
      throw new Error('socket hang up')
    }
    await expect(h.blobs.put(h.tenant.id, broken(), limits)).rejects.toThrow('socket hang up')
    expect(writes).toBe(0)
    expect(await leftovers()).toEqual([])
  })

  test('nothing is visible before everything has arrived', async () => {
    const id = deriveId('blob', createHash('sha256').update('ab').digest('hex'))
    const seen: unknown[] = []
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      yield Buffer.from('b')
      seen.push(await h.blobs.find(h.tenant.id, id), await home.has({ tenantId: h.tenant.id, id }))
    }
    expect((await h.blobs.put(h.tenant.id, slow(), limits)).id).toBe(id)
    expect(seen).toEqual([null, false])
  })

  test('a range returns exactly those bytes', async () => {
    const { id } = await put(everyByte)
    const range = async (first: number, last: number) =>
      readAll(await h.blobs.get(h.tenant.id, id, { first, last }))
    expect(await range(0, 0)).toEqual(everyByte.subarray(0, 1))
    expect(await range(10, 299)).toEqual(everyByte.subarray(10, 300))
    expect(await range(511, 511)).toEqual(everyByte.subarray(511))
  })

  test("a tenant has its own copy, and can neither see nor remove another tenant's", async () => {
    const other = await h.addTenant()
    const { id } = await put('shared')
    expect(await h.blobs.find(other.id, id)).toBeNull()
    expect(await h.blobs.get(other.id, id)).toBeNull()
    expect(await h.blobs.removeUnused(other.id, id, tomorrow)).toBeNull()
    await h.blobs.put(other.id, chunks('shared'), limits)
    expect(await h.blobs.removeUnused(h.tenant.id, id, tomorrow)).toBe(6)
    expect(await h.blobs.get(h.tenant.id, id)).toBeNull()
    expect(await readAll(await h.blobs.get(other.id, id))).toEqual(Buffer.from('shared'))
  })

  test('a removed blob is gone together with its bytes, and can be stored again', async () => {
    const { id } = await put('again')
    expect(await h.blobs.removeUnused(h.tenant.id, id, tomorrow)).toBe(5)
    expect(await h.blobs.removeUnused(h.tenant.id, id, tomorrow)).toBeNull()
    expect(await home.has({ tenantId: h.tenant.id, id })).toBe(false)
    await put('again')
    expect(await get(id)).toEqual(Buffer.from('again'))
  })

  test('a blob that was stored, or stored again, since the given time is kept', async () => {
    const before = h.clock.now()
    const { id } = await put('kept')
    expect(await h.blobs.removeUnused(h.tenant.id, id, before)).toBeNull()
    const between = h.clock.now()
    await put('kept')
    expect(await h.blobs.removeUnused(h.tenant.id, id, between)).toBeNull()
    expect(await get(id)).toEqual(Buffer.from('kept'))
  })

  test('bytes that a broken write left without a row are removed', async () => {
    const { id } = await put('left over')
    await h.db`delete from blobs`
    const key = { tenantId: h.tenant.id, id }
    expect(await home.has(key)).toBe(true)
    expect(await h.blobs.removeUnused(h.tenant.id, id, tomorrow)).toBeNull()
    expect(await home.has(key)).toBe(false)
    expect(await h.db`select from blobs`).toHaveLength(0)
  })

  test('removals among writes of the same bytes leave a whole blob or none, once refused writers have tried again', async () => {
    const { id } = await put('contested')
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.allSettled([
        put('contested'),
        h.blobs.removeUnused(h.tenant.id, id, tomorrow),
        put('contested'),
      ])
      if (outcomes.some(({ status }) => status === 'rejected')) await put('contested')
      const isKnown = (await h.blobs.find(h.tenant.id, id)) !== null
      expect((await get(id))?.toString()).toBe(isKnown ? 'contested' : undefined)
    }
    expect(h.errors).toEqual([])
  })

  test('lost bytes are reported, and the next write of the same bytes repairs them', async () => {
    const { id } = await put('precious')
    await home.remove({ tenantId: h.tenant.id, id })
    expect(await get(id)).toBeNull()
    expect(h.errors).toEqual([expect.stringContaining('the bytes of a stored blob are gone')])
    await put('precious')
    expect(await get(id)).toEqual(Buffer.from('precious'))
  })

  test.each(['', '..', '../../../etc/passwd', 'a/b', '%2e%2e', 'x'.repeat(5000), '\0'])(
    'the id %j refers to nothing',
    async (id) => {
      expect(await h.blobs.find(h.tenant.id, id)).toBeNull()
      expect(await h.blobs.get(h.tenant.id, id)).toBeNull()
      await expect(h.blobs.removeUnused(h.tenant.id, id, tomorrow)).rejects.toThrow(RangeError)
      await expect(h.blobs.put(id, chunks('x'), limits)).rejects.toThrow(RangeError)
    },
  )
})

test('an upload that ends after its tenant was deleted leaves nothing', async () => {
  const h = await harness()
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('before')
    await tenantDelete(h.db, h.tenant.id, {
      now: h.clock.now(),
      removeBlob: async () => {},
      settle: async () => {},
      progress: () => {},
    })
    yield Buffer.from('after')
  }
  const { id } = await h.blobs.put(h.tenant.id, slowly(), limits)
  expect(await h.blobs.find(h.tenant.id, id)).toBeNull()
  expect(await h.db`select from blob_marks where tenant_id = ${h.tenant.id}`).toEqual([])
  const files = await readdir(h.blobFolder, { recursive: true })
  expect(files.filter((file) => file.includes(id))).toEqual([])
})
