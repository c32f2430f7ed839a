import { createHash, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readAttachments } from '../../../../src/domain/attachments.ts'
import { readAll } from '../../../support/bytes.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { boundary, encode, type GivenPart } from '../../../support/multipart.ts'
import { zstdBomb, zstdCompress } from '../../../support/zstd.ts'

interface Kept {
  name: string
  mimeType: string
  bytes: number
  sha1: string
}

interface MultipartHarness extends Harness {
  /** Reads the attachments of a run. */
  kept(runId: string): Promise<Kept[]>
  send(parts: GivenPart[] | Buffer, options?: SendOptions): Promise<Answer>
}

interface SendOptions {
  style?: 'js' | 'python'
  encoding?: string
  contentType?: string
}

async function multipartHarness(): Promise<MultipartHarness> {
  const h = await harness()
  return {
    ...h,
    async kept(runId) {
      await h.drain()
      const [row] = await h.db<{ attachments: string | null }[]>`
        select attachments from runs where tenant_id = ${h.tenant.id} and id = ${runId}`
      return Promise.all(
        readAttachments(row?.attachments ?? null).map(async ({ name, mimeType, blobId }) => {
          const bytes = (await readAll(await h.blobs.get(h.tenant.id, blobId)))!
          const sha1 = createHash('sha1').update(bytes).digest('hex')
          return { name, mimeType, bytes: bytes.length, sha1 }
        }),
      )
    },
    async send(
      given,
      {
        style = 'python',
        encoding,
        contentType = `multipart/form-data; boundary=${boundary}`,
      } = {},
    ) {
      const payload = Buffer.isBuffer(given) ? given : encode(given, style)
      const response = await h.app.inject({
        method: 'POST',
        url: '/runs/multipart',
        headers: {
          'x-api-key': h.tenant.secretKey,
          'content-type': contentType,
          ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
        },
        payload,
      })
      const { statusCode: status, body: text, headers } = response
      return { status, text, headers, body: JSON.parse(text) }
    },
  }
}

const time = '2026-01-21T14:35:42.000001Z'

/** The main part of a root run's create. */
function rootRun(id: string, more: Record<string, unknown> = {}): string {
  const dotted_order = `${time.replaceAll(/[-:.]/g, '')}${id}`
  return JSON.stringify({
    id,
    trace_id: id,
    dotted_order,
    name: 'root',
    run_type: 'chain',
    start_time: time,
    session_name: 'multipart',
    ...more,
  })
}

/** All parts of one run: a create, an update, feedback and an attachment. */
function everything(id: string, feedbackId: string): GivenPart[] {
  const feedback = { id: feedbackId, run_id: id, trace_id: id, key: 'correct', score: true }
  const update = { id, trace_id: id, end_time: '2026-01-21T14:35:43.000000+00:00' }
  return [
    { name: `post.${id}`, value: rootRun(id) },
    { name: `post.${id}.inputs`, value: '{"b": 1.0, "a": "\\u0000 ä", "n": 12345678901234567890}' },
    { name: `post.${id}.extra`, value: '{"metadata": {"k": "v"}}' },
    { name: `patch.${id}`, value: JSON.stringify(update) },
    { name: `patch.${id}.outputs`, value: '{"answer": 42}' },
    { name: `patch.${id}.events`, value: '[]' },
    { name: `patch.${id}.error`, value: '"Error: boom"' },
    { name: `patch.${id}.serialized`, value: '{"lc": 1}' },
    { name: `feedback.${feedbackId}`, value: JSON.stringify(feedback) },
    {
      name: `attachment.${id}.picture`,
      value: Buffer.from([0, 255, 13, 10, 45, 45]),
      type: 'image/png',
    },
  ]
}

/** Reads what is stored, without the times at which it was received. */
async function stored(h: Harness): Promise<unknown> {
  await h.drain()
  const tenantId = h.tenant.id
  return {
    runs: await h.db`select id, name, inputs, outputs, error, serialized, metadata, end_time, dotted_order from runs where tenant_id = ${tenantId} order by id`,
    feedback:
      await h.db`select id, run_id, key, score from feedback where tenant_id = ${tenantId} order by id`,
  }
}

describe('202', () => {
  test('a run that was sent in parts reads back completely, with its texts as they were sent', async () => {
    const h = await multipartHarness()
    const [id, feedbackId] = [randomUUID(), randomUUID()]
    const parts = everything(id, feedbackId)
    expect((await h.send(parts)).status).toBe(202)
    expect(await stored(h)).toMatchObject({
      runs: [
        {
          id,
          name: 'root',
          inputs: parts[1]!.value,
          outputs: '{"answer": 42}',
          error: '"Error: boom"',
          serialized: '{"lc": 1}',
          endTime: '2026-01-21T14:35:43.000000Z',
        },
      ],
      feedback: [{ id: feedbackId, runId: id, key: 'correct', score: 'true' }],
    })
    expect(await h.kept(id)).toEqual([
      {
        name: 'picture',
        mimeType: 'image/png',
        bytes: 6,
        sha1: createHash('sha1').update(parts[9]!.value).digest('hex'),
      },
    ])
    expect(h.errors).toEqual([])
  })

  test('any order of the parts, both clients and every compression store the same', async () => {
    const [id, feedbackId] = [randomUUID(), randomUUID()]
    const parts = everything(id, feedbackId)
    const answers = new Set<string>()
    for (const order of [parts, parts.toReversed(), [...parts.slice(4), ...parts.slice(0, 4)]]) {
      const h = await multipartHarness()
      expect((await h.send(order, { style: 'js' })).status).toBe(202)
      expect((await h.send(gzipSync(encode(order)), { encoding: 'gzip' })).status).toBe(202)
      expect((await h.send(await zstdCompress(encode(order)), { encoding: 'zstd' })).status).toBe(
        202,
      )
      answers.add(JSON.stringify(await stored(h)))
      expect(await h.kept(id)).toMatchObject([{ mimeType: 'image/png', bytes: 6 }])
      await h.close()
    }
    expect(answers.size).toBe(1)
  })

  test('fields without a main part are an update of those fields', async () => {
    const h = await multipartHarness()
    const id = randomUUID()
    expect((await h.send([{ name: `patch.${id}.outputs`, value: '{"late": true}' }])).status).toBe(
      202,
    )
    expect((await h.send([{ name: `post.${id}`, value: rootRun(id) }])).status).toBe(202)
    expect(await stored(h)).toMatchObject({
      runs: [{ id, name: 'root', outputs: '{"late": true}' }],
    })
  })

  test('several updates of one run in one body all take effect', async () => {
    const h = await multipartHarness()
    const id = randomUUID()
    const update = (second: number) =>
      JSON.stringify({ id, trace_id: id, end_time: `2026-01-21T14:35:4${second}.000000Z` })
    const parts = [
      { name: `post.${id}`, value: rootRun(id) },
      { name: `patch.${id}`, value: update(4) },
      { name: `patch.${id}.outputs`, value: '{"n":4}' },
      { name: `patch.${id}`, value: update(3) },
      { name: `patch.${id}.error`, value: '"boom"' },
    ]
    expect((await h.send(parts)).status).toBe(202)
    expect(await stored(h)).toMatchObject({
      runs: [{ outputs: '{"n":4}', error: '"boom"', endTime: '2026-01-21T14:35:44.000000Z' }],
    })
  })

  test('a body without parts stores nothing and is no error', async () => {
    const h = await multipartHarness()
    expect((await h.send([])).status).toBe(202)
  })

  test('a thousand operations in one body', async () => {
    const h = await multipartHarness()
    const parts = Array.from({ length: 1000 }, () => randomUUID()).flatMap((id) => [
      { name: `post.${id}`, value: rootRun(id) },
      { name: `post.${id}.inputs`, value: '{"q":1}' },
      { name: `post.${id}.outputs`, value: '{"a":1}' },
    ])
    expect((await h.send(await zstdCompress(encode(parts)), { encoding: 'zstd' })).status).toBe(202)
    await h.drain()
    expect(await h.db`select count(*) from runs where outputs::text = '{"a":1}'`).toEqual([
      { count: 1000 },
    ])
  })

  test('an upload over a real connection, chunked and with a pause, is not cut off', async () => {
    const h = await multipartHarness()
    await h.listen()
    const id = randomUUID()
    const attachment = Buffer.alloc(30 * 1_048_576, 'bytes')
    const body = encode([
      { name: `post.${id}`, value: rootRun(id) },
      {
        name: `attachment.${id}.large`,
        value: attachment,
        type: 'text/plain; charset=utf-8; length=31457280',
      },
    ])
    const { port } = h.app.server.address() as AddressInfo
    const status = await new Promise((resolve, reject) => {
      const headers = {
        'x-api-key': h.tenant.secretKey,
        'content-type': `multipart/form-data; boundary=${boundary}`,
      }
      const outgoing = request(
        { port, method: 'POST', path: '/runs/multipart', headers },
        (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode))
        },
      )
      outgoing.on('error', reject)
      // The pause: the rest is sent once the server has read everything so far.
      outgoing.write(body.subarray(0, 1000), () =>
        setImmediate(() => outgoing.end(body.subarray(1000))),
      )
    })
    expect(status).toBe(202)
    expect(await h.kept(id)).toMatchObject([
      { name: 'large', mimeType: 'text/plain; charset=utf-8', bytes: attachment.length },
    ])
  })
})

describe('422', () => {
  test('bad operations are named, and the good ones of the same body are stored', async () => {
    const h = await multipartHarness()
    const [good, badType, badJson, badField, badFeedback] = Array.from({ length: 5 }, () =>
      randomUUID(),
    )
    const answer = await h.send([
      { name: `post.${badType}`, value: rootRun(badType!, { run_type: 'nonsense' }) },
      { name: `post.${badJson}`, value: rootRun(badJson!) },
      { name: `post.${badJson}.inputs`, value: '{"a": 1' },
      { name: `post.${badField}`, value: rootRun(badField!) },
      { name: `post.${badField}.surprise`, value: '{}' },
      { name: 'post.no-uuid', value: '{"name":"x"}' },
      { name: `feedback.${badFeedback}`, value: '{"score": 1}' },
      { name: 'attachment.no-uuid.picture', value: 'x', type: 'image/png' },
      { name: 'nonsense', value: '{}' },
      { name: `post.${good}`, value: rootRun(good!) },
    ])
    expect(answer.status).toBe(422)
    for (const name of [badType, badJson, badField, 'no-uuid', badFeedback, 'nonsense']) {
      expect(answer.body.error).toContain(name)
    }
    expect(answer.body.details).toEqual(expect.any(String))
    expect(await stored(h)).toMatchObject({ runs: [{ id: good }], feedback: [] })
    expect(await h.db`select id from blobs`).toEqual([])
    expect(h.errors).toEqual([])
  })

  test.each([
    '',
    '[]',
    'null',
    '"text"',
    '{',
    '{"a":"\x01"}',
    '['.repeat(1000),
    `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
  ])('a main part or a field that is not a JSON object: %j', async (value) => {
    const h = await multipartHarness()
    const id = randomUUID()
    expect((await h.send([{ name: `post.${id}`, value }])).status).toBe(422)
    if (value === 'null') return
    const parts = [
      { name: `post.${id}`, value: rootRun(id) },
      { name: `post.${id}.inputs`, value },
    ]
    expect((await h.send(parts)).status).toBe(422)
    expect(await stored(h)).toMatchObject({ runs: [] })
    expect(h.errors).toEqual([])
  })

  test('a main part that begins like an object and is no JSON is refused alone', async () => {
    const h = await multipartHarness()
    for (const text of ['{"a":null:""}', '{"a" 1}', '{1:2}', '{"a":"\\x"}', '{']) {
      const [bad, good] = [randomUUID(), randomUUID()]
      const answer = await h.send([
        { name: `post.${bad}`, value: text },
        {
          name: `post.${good}`,
          value: JSON.stringify({ id: good, trace_id: good, name: 'good', run_type: 'chain' }),
        },
      ])
      expect(answer.status, text).toBe(422)
      expect(answer.text).toContain(bad)
      await h.drain()
      const rows = await h.db`select id from runs where id in (${bad}, ${good})`
      expect(rows).toEqual([{ id: good }])
    }
    expect(h.errors).toEqual([])
  })

  test("a broken body gets the vendor's message, and stores nothing", async () => {
    const h = await multipartHarness()
    const id = randomUUID()
    const body = encode([{ name: `post.${id}`, value: rootRun(id) }])
    const broken: [Buffer, SendOptions][] = [
      [Buffer.alloc(0), {}],
      [body.subarray(0, -10), {}],
      [body.subarray(0, 60), {}],
      [gzipSync(body.subarray(0, -10)), { encoding: 'gzip' }],
      [body, { contentType: 'multipart/form-data' }],
      [body, { contentType: 'multipart/form-data; boundary=other' }],
    ]
    for (const [payload, options] of broken) {
      expect(await h.send(payload, options)).toMatchObject({
        status: 422,
        body: {
          error: expect.stringMatching(/^Unprocessable entity: error reading multipart data: /),
        },
      })
    }
    for (const encoding of ['gzip', 'zstd', 'deflate', 'br']) {
      expect(await h.send(body, { encoding })).toMatchObject({
        status: 422,
        body: { error: expect.any(String) },
      })
    }
    expect((await h.send(Buffer.from('{}'), { contentType: 'application/json' })).status).toBe(422)
    expect(await stored(h)).toMatchObject({ runs: [] })
    expect(h.errors).toEqual([])
  })
})

describe('413', () => {
  test('a body that expands beyond 100 MiB is refused, and memory use stays bounded', async () => {
    const h = await multipartHarness()
    const id = randomUUID()
    // 10 GB of zeros after a valid beginning. zstd frames may follow each other.
    const head = await zstdCompress(
      encode([{ name: `attachment.${id}.bomb`, value: 'x' }]).subarray(0, -40),
    )
    const before = process.memoryUsage.rss()
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
    const answer = await h.send(Buffer.concat([head, zstdBomb(80_000)]), { encoding: 'zstd' })
    clearInterval(watch)
    expect(answer).toMatchObject({ status: 413, body: { error: expect.any(String) } })
    expect((peak - before) / 1_048_576).toBeLessThan(150)
  })
})

describe('503', () => {
  test('a queue that cannot take the runs is answered with when to come back', async () => {
    const h = await multipartHarness()
    const id = randomUUID()
    const parts = [{ name: `post.${id}`, value: rootRun(id) }]
    await h.queue.stop()
    const answer = await h.send(parts)
    expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String) } })
    expect(answer.headers['retry-after']).toBe('5')
  })
})
