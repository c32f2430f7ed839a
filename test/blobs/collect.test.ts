import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localHome } from '../../src/blobs/backends/local.ts'
import { s3Home } from '../../src/blobs/backends/s3.ts'
import { BlobsUnavailableError, type BlobHome } from '../../src/blobs/store.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import type { JobData } from '../../src/queue/catalog.ts'
import { collectHandler } from '../../workers/collect.ts'
import { chunks } from '../support/bytes.ts'
import { harness, type Answer, type Harness } from '../support/harness.ts'
import { encode, multipartType, type GivenPart } from '../support/multipart.ts'
import { type S3Server, startS3, testsRunOnS3 } from '../support/s3.ts'

const minute = 60_000
const day = 24 * 60 * minute

let s3: S3Server
let folder: string
const withS3 = testsRunOnS3()

const local = async (): Promise<BlobHome> => localHome(join(folder, 'contents'))
const homes = [
  { name: 'local', open: local },
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
  folder = await mkdtemp(join(tmpdir(), 'runmill-collect-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

interface World {
  h: Harness
  home: BlobHome
  /** Returns which of these files still have their bytes. */
  kept(...contents: string[]): Promise<string[]>
}

async function world(home: BlobHome): Promise<World> {
  const h = await harness({ blobHome: home })
  return {
    h,
    home,
    async kept(...contents) {
      const found: string[] = []
      for (const content of contents) {
        const id = blobIdOf(content)
        const hasRow = (await h.blobs.find(h.tenant.id, id)) !== null
        // A row without bytes, or bytes without a row, would be in neither state.
        expect(await home.has({ tenantId: h.tenant.id, id }), content).toBe(hasRow)
        if (hasRow) found.push(content)
      }
      return found
    },
  }
}

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex')
const blobIdOf = (content: string): string => deriveId('blob', sha256Of(content))

async function collect(h: Harness, look: JobData['collect']['look']): Promise<void> {
  await h.queue.enqueue('collect', [{ look }])
  await h.drain()
}

/** Lets a day pass with its jobs: blobs that are neither used nor referred to are marked, wait, and are removed. */
async function aDayLater(h: Harness): Promise<void> {
  h.clock.advance(day)
  await collect(h, 'all')
  h.clock.advance(11 * minute)
  await collect(h, 'marked')
}

async function sendParts(
  h: Harness,
  method: 'POST' | 'PATCH',
  url: string,
  parts: GivenPart[],
): Promise<void> {
  const answer = await h.app.inject({
    method,
    url,
    headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
    payload: encode(parts),
  })
  expect(answer.statusCode, answer.body).toBeLessThan(300)
  await h.drain()
}

/** A run with these attachments. */
async function makeRun(h: Harness, session: string, ...contents: string[]): Promise<string> {
  const id = randomUUID()
  const run = {
    id,
    name: 'r',
    run_type: 'chain',
    session_name: session,
    start_time: h.clock.now(),
  }
  await sendParts(h, 'POST', '/runs/multipart', [
    { name: `post.${id}`, value: JSON.stringify(run) },
    ...contents.map((value) => ({ name: `attachment.${id}.${value}`, value, type: 'text/plain' })),
  ])
  return id
}

async function makeDataset(h: Harness): Promise<string> {
  return (await h.call('POST', '/datasets', { name: randomUUID() })).body.id as string
}

async function makeExample(h: Harness, datasetId: string, ...contents: string[]): Promise<string> {
  const id = randomUUID()
  await sendParts(h, 'POST', `/platform/datasets/${datasetId}/examples`, [
    { name: id, value: '{}' },
    { name: `${id}.inputs`, value: '{}' },
    ...contents.map((value) => ({ name: `${id}.attachment.${value}`, value, type: 'text/plain' })),
  ])
  return id
}

async function makeMedia(h: Harness, content: string, traceId: string): Promise<string> {
  const { body } = await h.call('POST', '/api/public/media', {
    traceId,
    field: 'input',
    contentType: 'text/plain',
    contentLength: content.length,
    sha256Hash: Buffer.from(sha256Of(content), 'hex').toString('base64'),
  })
  if (body.uploadUrl !== null) {
    const { pathname, search } = new URL(body.uploadUrl)
    const headers = { 'content-type': 'text/plain' }
    await h.app.inject({ method: 'PUT', url: pathname + search, headers, payload: content })
  }
  return body.mediaId as string
}

async function makeTrace(h: Harness): Promise<string> {
  const id = randomUUID().replaceAll('-', '')
  await h.call('POST', '/api/public/traces', { id, name: 't' })
  await h.drain()
  return id
}

async function ok(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer
  expect(status, text).toBeLessThan(300)
}

async function deleteSession(h: Harness, name: string): Promise<void> {
  const [session] = (await h.call('GET', `/sessions?name=${name}`)).body
  await ok(h.call('DELETE', `/sessions/${session.id}`))
  await h.drain()
}

describe.each(homes)('$name', ({ open }) => {
  test('blobs that only a deleted experiment referred to are removed in this tenant, and all others stay', async () => {
    const { h, home, kept } = await world(await open())
    const other = await h.addTenant()
    await h.blobs.put(other.id, chunks('own'), { maxBytes: 10 })
    await makeRun(h, 'first', 'own', 'shared')
    await makeRun(h, 'second', 'shared', 'more')
    h.clock.advance(2 * day)
    await deleteSession(h, 'first')
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('own', 'shared', 'more')).toEqual(['shared', 'more'])
    expect(await home.has({ tenantId: other.id, id: blobIdOf('own') })).toBe(true)
    await deleteSession(h, 'second')
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('own', 'shared', 'more')).toEqual([])
    expect(await h.db`select from blob_marks`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('what a refused request or a broken write left behind is found and removed', async () => {
    const { h, home, kept } = await world(await open())
    await h.blobs.put(h.tenant.id, chunks('refused'), { maxBytes: 10 })
    await h.blobs.put(h.tenant.id, chunks('broken'), { maxBytes: 10 })
    await h.db`delete from blobs where id = ${blobIdOf('broken')}`
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await home.has({ tenantId: h.tenant.id, id: blobIdOf('broken') })).toBe(true)
    // By now the mark that was made before the row was written is invalid. The mark of the missing row is still valid.
    await aDayLater(h)
    expect(await kept('refused', 'broken')).toEqual([])
  })
})

describe('I12 what is removed', () => {
  test('attachments and media of a deleted trace', async () => {
    const { h, kept } = await world(await local())
    const runId = await makeRun(h, 'default', 'attached')
    const traceId = await makeTrace(h)
    const other = await makeTrace(h)
    const mediaId = await makeMedia(h, 'image', traceId)
    await makeMedia(h, 'logo', traceId)
    await makeMedia(h, 'logo', other)
    h.clock.advance(2 * day)
    await ok(h.call('POST', '/runs/delete', { trace_ids: [runId] }))
    await ok(h.call('DELETE', '/api/public/traces', { traceIds: [traceId] }))
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('attached', 'image', 'logo')).toEqual(['logo'])
    expect((await h.call('GET', `/api/public/media/${mediaId}`)).status).toBe(404)
    expect(await h.db`select id from media where id = ${mediaId}`).toHaveLength(0)
  })

  test('attachments of an erased example and of a deleted dataset, but not those of older versions', async () => {
    const { h, kept } = await world(await local())
    const datasetId = await makeDataset(h)
    const erased = await makeExample(h, datasetId, 'erased')
    const deleted = await makeExample(h, datasetId, 'deleted')
    h.clock.advance(2 * day)
    await ok(h.call('DELETE', `/examples/${deleted}`))
    const body = { example_ids: [erased], hard_delete: true }
    await ok(h.call('POST', '/platform/datasets/examples/delete', body))
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    await aDayLater(h)
    expect(await kept('erased', 'deleted')).toEqual(['deleted'])
    await ok(h.call('DELETE', `/datasets/${datasetId}`))
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('erased', 'deleted')).toEqual([])
  })

  test('the attachment of a run that a newer one of the same name replaced', async () => {
    const { h, kept } = await world(await local())
    const id = await makeRun(h, 'default')
    for (const value of ['old', 'new']) {
      await sendParts(h, 'POST', '/runs/multipart', [
        { name: `patch.${id}`, value: JSON.stringify({ id, end_time: h.clock.now() }) },
        { name: `attachment.${id}.file`, value, type: 'text/plain' },
      ])
    }
    await aDayLater(h)
    expect(await kept('old', 'new')).toEqual(['new'])
  })
})

describe('I12 what is kept', () => {
  test('a blob used within the last day, because what refers to it may still be waiting in the queue', async () => {
    const { h, kept } = await world(await local())
    await makeRun(h, 'gone', 'young')
    await deleteSession(h, 'gone')
    h.clock.advance(day / 2)
    await collect(h, 'all')
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('young')).toEqual(['young'])
    h.clock.advance(day / 2)
    await collect(h, 'marked')
    expect(await kept('young')).toEqual([])
  })

  test('a blob that is stored again although it was about to be removed', async () => {
    const { h, kept } = await world(await local())
    await makeRun(h, 'gone', 'again')
    h.clock.advance(2 * day)
    await deleteSession(h, 'gone')
    // Accepted early, and applied late.
    await h.blobs.put(h.tenant.id, chunks('again'), { maxBytes: 10 })
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('again')).toEqual(['again'])
    await makeRun(h, 'there', 'again')
    await aDayLater(h)
    await aDayLater(h)
    expect(await kept('again')).toEqual(['again'])
  })

  test('a blob that was copied after it was marked and before it was due', async () => {
    const { h, kept } = await world(await local())
    const [source, target] = [await makeDataset(h), await makeDataset(h)]
    await makeExample(h, source, 'copied')
    h.clock.advance(2 * day)
    const both = { source_dataset_id: source, target_dataset_id: target }
    await ok(h.call('POST', '/datasets/clone', both))
    await ok(h.call('DELETE', `/datasets/${source}`))
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    await aDayLater(h)
    expect(await kept('copied')).toEqual(['copied'])
  })

  test('media that an example mentions, in any version and whoever wrote it', async () => {
    const { h, kept } = await world(await local())
    const traceId = await makeTrace(h)
    const mediaId = await makeMedia(h, 'mentioned', traceId)
    const datasetId = await makeDataset(h)
    const image = `@@@langfuseMedia:type=text/plain|id=${mediaId}|source=bytes@@@`
    const example = await h.call('POST', '/examples', {
      dataset_id: datasetId,
      inputs: { deep: [{ image }] },
    })
    await ok(h.call('PATCH', `/examples/${example.body.id}`, { inputs: { image: null } }))
    await ok(h.call('DELETE', `/api/public/traces/${traceId}`))
    await aDayLater(h)
    expect(await kept('mentioned')).toEqual(['mentioned'])
    expect((await h.call('GET', `/api/public/media/${mediaId}`)).status).toBe(200)
    await ok(h.call('DELETE', `/datasets/${datasetId}`))
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('mentioned')).toEqual([])
  })

  test('media that are announced again for a later trace, even though their bytes are not sent again', async () => {
    const { h, kept } = await world(await local())
    const traceId = await makeTrace(h)
    await makeMedia(h, 'logo', traceId)
    h.clock.advance(2 * day)
    await ok(h.call('DELETE', `/api/public/traces/${traceId}`))
    await makeMedia(h, 'logo', randomUUID())
    h.clock.advance(11 * minute)
    await collect(h, 'marked')
    expect(await kept('logo')).toEqual(['logo'])
  })

  test('media that were announced before their traces were recorded', async () => {
    const { h, kept } = await world(await local())
    await makeMedia(h, 'old', randomUUID())
    await h.db`update media set knows_traces = false`
    await aDayLater(h)
    expect(await kept('old')).toEqual(['old'])
  })

  test('a blob that a dead letter names, because the letter may be replayed', async () => {
    const { h, kept } = await world(await local())
    await h.blobs.put(h.tenant.id, chunks('dead'), { maxBytes: 10 })
    const attachments = { file: JSON.stringify({ blob_id: blobIdOf('dead') }) }
    const event = JSON.stringify({ kind: 'run', patch: { attachments } })
    await h.db`
      insert into dead_letters (tenant_id, id, kind, row_id, reason, event, received_at, created_at)
      values (${h.tenant.id}, ${randomUUID()}, 'run', ${randomUUID()}, 'r', ${event}, now(), now())`
    await aDayLater(h)
    expect(await kept('dead')).toEqual(['dead'])
    await h.db`delete from dead_letters`
    await aDayLater(h)
    expect(await kept('dead')).toEqual([])
  })

  test('everything while work waits in the queue, because an event may refer to an old blob', async () => {
    const { h, kept } = await world(await local())
    await h.blobs.put(h.tenant.id, chunks('waited for'), { maxBytes: 10 })
    h.clock.advance(day)
    await collect(h, 'all')
    h.clock.advance(11 * minute)
    const queue = inlineBackend()
    await queue.start()
    await queue.enqueue('ingest', [
      { batchId: randomUUID(), tenantId: h.tenant.id, receivedAt: h.clock.now(), events: [] },
    ])
    const log = { info: () => {}, warn: () => {}, error: () => {} }
    const handler = collectHandler({ ...h, queue, log })
    const context = { signal: new AbortController().signal, places: 1 }
    await handler({ look: 'marked' }, context)
    expect(await kept('waited for')).toEqual(['waited for'])
    await queue.stop()
    await collect(h, 'marked')
    expect(await kept('waited for')).toEqual([])
  })
})

test('while bytes cannot be removed nothing is forgotten, and the next attempt removes them', async () => {
  const real = await local()
  let failures = 1
  const { h, kept } = await world({
    ...real,
    remove: async (key) => {
      if (failures-- > 0) throw new BlobsUnavailableError('away')
      await real.remove(key)
    },
  })
  await h.blobs.put(h.tenant.id, chunks('stubborn'), { maxBytes: 10 })
  await aDayLater(h)
  expect(failures).toBe(-1)
  expect(await kept('stubborn')).toEqual([])
})

test('an announcement at the moment of the removal either finds the file stored and keeps it, or asks for its bytes', async () => {
  const { h, kept } = await world(await local())
  const traceId = await makeTrace(h)
  const announcement = {
    traceId,
    field: 'input',
    contentType: 'text/plain',
    contentLength: 9,
    sha256Hash: Buffer.from(sha256Of('contested'), 'hex').toString('base64'),
  }
  for (let round = 0; round < 30; round++) {
    await makeMedia(h, 'contested', traceId)
    await h.db`delete from media_traces`
    h.clock.advance(2 * day)
    const [answer] = await Promise.all([
      h.call('POST', '/api/public/media', announcement),
      h.blobs.removeUnused(h.tenant.id, blobIdOf('contested'), h.clock.now()),
    ])
    expect(answer.status).toBe(201)
    expect(await kept('contested')).toEqual(answer.body.uploadUrl === null ? ['contested'] : [])
  }
  expect(h.errors).toEqual([])
})

test('more than one page of blobs is removed in one go, and reported in one line', async () => {
  const home = await local()
  const { h } = await world(home)
  await h.db`
    insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
    select ${h.tenant.id}, gen_random_uuid(), 2, '', '2026-01-01', '2026-01-01' from generate_series(1, 501)`
  await collect(h, 'all')
  h.clock.advance(11 * minute)
  const lines: [object, string][] = []
  const log = {
    info: (...line: [object, string]) => void lines.push(line),
    warn: () => {},
    error: () => {},
  }
  const context = { signal: new AbortController().signal, places: 1 }
  await collectHandler({ ...h, log })({ look: 'marked' }, context)
  expect(lines).toEqual([[{ blobs: 501, bytes: 1002 }, 'removed blobs to which nothing refers']])
  expect(await h.db`select from blobs`).toHaveLength(0)
})
