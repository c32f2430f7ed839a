import { randomBytes } from 'node:crypto'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import {
  exportOf,
  langfusePath,
  parsed,
  plainPath,
  protobufOf,
  rootId,
  runsByName,
  send,
  sendBody,
  traceId,
  traceRow,
  type TestSpan,
} from './spans.ts'

const paths = [langfusePath, plainPath]

const tree: TestSpan[] = [
  {
    name: 'grandchild',
    spanId: 'c'.repeat(16),
    parentSpanId: 'b'.repeat(16),
    start: 2,
    end: 4,
    attributes: {
      'langfuse.observation.type': 'generation',
      'langfuse.observation.usage_details': '{"input":3,"output":5}',
      'session.id': 's1',
      list: ['a', 1, true, 0.25, { k: 'v' }],
    },
    events: [{ name: 'note', attributes: { n: 1 } }],
  },
  { name: 'child', spanId: 'b'.repeat(16), parentSpanId: rootId, start: 1, end: 5 },
  {
    name: 'root',
    end: 6.000789,
    attributes: { 'langfuse.observation.input': 'hi ☃', 'user.id': 'u1', big: 2 ** 53 },
    status: { code: 2, message: 'boom' },
    resource: { 'service.name': 'shop' },
    scope: { name: 'lib', version: '1' },
  },
]

const ignored = /^(?:v|fv|m|metadataV|createdAt|updatedAt|tenantId|experimentId)$/

async function dump(h: Harness): Promise<unknown> {
  const { id } = h.tenant
  const tables = [
    await h.db`select * from runs where tenant_id = ${id} order by id`,
    await h.db`select * from traces where tenant_id = ${id} order by id`,
    await h.db`select * from run_items where tenant_id = ${id} order by id`,
  ]
  // When things came, and in which pieces, is not compared. Only the clocks of SPEC I4 depend on that.
  return tables.map((rows) =>
    rows.map((row) => {
      const facts = Object.entries(parsed(row)).filter(([key]) => !ignored.test(key))
      return Object.fromEntries(facts)
    }),
  )
}

describe('200', () => {
  test('JSON and protobuf make the same rows, on both routes, compressed or not', async () => {
    const dumps: unknown[] = []
    for (const path of paths) {
      for (const encoding of ['json', 'protobuf'] as const) {
        for (const isGzipped of [false, true]) {
          const h = await harness()
          const sent = await send(h, tree, { path, encoding, isGzipped })
          expect(sent.status).toBe(200)
          if (encoding === 'json') expect(sent.body).toEqual({})
          else {
            expect(sent.headers['content-type']).toBe('application/x-protobuf')
            expect(sent.bytes).toHaveLength(0)
          }
          await h.drain()
          dumps.push(await dump(h))
          expect(h.errors).toEqual([])
          await h.close()
        }
      }
    }
    for (const one of dumps) expect(one).toEqual(dumps[0])
    const [runs, traces] = dumps[0] as [Record<string, unknown>[], Record<string, unknown>[]]
    expect(runs).toHaveLength(3)
    expect(runs).toContainEqual(
      expect.objectContaining({
        name: 'root',
        endTime: '2026-11-21T20:00:00.006000Z',
        inputs: 'hi ☃',
        status: 'error',
        metadata: {
          resourceAttributes: { 'service.name': 'shop' },
          scope: { name: 'lib', version: '1', attributes: {} },
          attributes: { big: '9007199254740992' },
        },
      }),
    )
    expect(traces).toEqual([
      expect.objectContaining({
        name: 'root',
        runCount: 3,
        errorCount: 1,
        totalTokens: 8,
        userId: 'u1',
      }),
    ])
  })

  test('children before parents, one span at a time, twice, in any order: the same rows', async () => {
    const orders = [
      [[0, 1, 2]],
      [[2], [1], [0]],
      [[0], [2], [1]],
      [
        [1, 0],
        [2, 1],
        [0, 2],
      ],
      [[2, 1, 0, 0, 1, 2]],
    ]
    const dumps: unknown[] = []
    for (const exports of orders) {
      const h = await harness()
      for (const indexes of exports) {
        await send(
          h,
          indexes.map((i) => tree[i]!),
        )
        await h.drain()
      }
      dumps.push(await dump(h))
      await h.close()
    }
    for (const one of dumps) expect(one).toEqual(dumps[0])
  })

  test('one export may hold spans of several traces, resources and scopes, with parents that never come', async () => {
    const h = await harness()
    const other = '680ccd65d93e5eac39f753118cb6c4d8'
    await send(h, [
      { name: 'kept', parentSpanId: 'd'.repeat(16), scope: { name: 'langfuse-sdk' } },
      { name: 'other', traceId: other, spanId: 'e'.repeat(16), scope: { name: 'ai' } },
    ])
    await h.drain()
    const runs = await runsByName(h)
    expect(runs.kept).toMatchObject({
      externalParentRunId: 'd'.repeat(16),
      externalTraceId: traceId,
    })
    expect(runs.other).toMatchObject({ externalTraceId: other, parentRunId: null })
    expect((await traceRow(h)).runCount).toBe(1)
  })

  test('ids come as hex of either case, as base64, or as Buffers in JSON; no parent as empty or zeros', async () => {
    const bytes = (hex: string) => Buffer.from(hex, 'hex')
    const forms: ((hex: string) => unknown)[] = [
      (hex) => hex,
      (hex) => hex.toUpperCase(),
      (hex) => bytes(hex).toString('base64'),
      (hex) => bytes(hex).toJSON(),
    ]
    for (const form of forms) {
      const h = await harness()
      await send(h, [
        { name: 'root', traceId: form(traceId), spanId: form(rootId), parentSpanId: '' },
        {
          name: 'child',
          traceId: form(traceId),
          spanId: form('c'.repeat(16)),
          parentSpanId: form(rootId),
        },
        { name: 'zeros', spanId: 'a'.repeat(16), parentSpanId: '0'.repeat(16) },
        { name: 'null', spanId: '9'.repeat(16), parentSpanId: null },
      ])
      await h.drain()
      const runs = await runsByName(h)
      expect(runs.root).toMatchObject({
        externalId: rootId,
        externalTraceId: traceId,
        parentRunId: null,
      })
      expect(runs.child).toMatchObject({ externalId: 'c'.repeat(16), parentRunId: runs.root.id })
      expect([runs.zeros.parentRunId, runs.null.parentRunId]).toEqual([null, null])
      await h.close()
    }
  })

  test('times come as text, numbers or halves; a missing one takes the other, an end before the start the start', async () => {
    const h = await harness()
    const [start, end] = ['2026-11-21T20:00:00.000000Z', '2026-11-21T20:00:00.010000Z']
    const nano = 1_795_291_200_010_000_000n
    const halves = { high: Number(nano >> 32n), low: Number(BigInt.asIntN(32, nano)) }
    const cases: [sent: Record<string, unknown>, start: string, end: string][] = [
      [{ endTimeUnixNano: halves }, start, end],
      [{ endTimeUnixNano: Number(nano) }, start, end],
      [{ startTimeUnixNano: undefined }, end, end],
      [{ endTimeUnixNano: 0 }, start, start],
      [{ endTimeUnixNano: 'soon' }, start, start],
      [{ endTimeUnixNano: '1795291199999999999' }, start, start],
      [{ endTimeUnixNano: '1795291200010000999' }, start, end],
    ]
    const request = exportOf(
      ...cases.map((_, i) => ({ name: `${i}`, spanId: `${i + 1}`.padStart(16, '0') })),
    )
    request.resourceSpans.forEach((one, i) => {
      // oxlint-disable-next-line typescript/no-explicit-any -- made two functions above
      Object.assign((one as any).scopeSpans[0].spans[0], cases[i]![0])
    })
    await sendBody(h, JSON.stringify(request))
    await h.drain()
    const runs = await runsByName(h)
    for (const [i, [, from, to]] of cases.entries()) {
      expect([runs[i].startTime, runs[i].endTime], `case ${i}`).toEqual([from, to])
    }
  })

  test('values of every kind arrive', async () => {
    const h = await harness()
    const values: [sent: object, stored: unknown][] = [
      [{ intValue: '7' }, 7],
      [{ intValue: { high: -1, low: -2 } }, -2],
      [{ intValue: '9223372036854775807' }, '9223372036854775807'],
      [{ doubleValue: '1.5' }, 1.5],
      [{ doubleValue: 'NaN' }, 'NaN'],
      [{ doubleValue: 'Infinity' }, 'Infinity'],
      [{ boolValue: false }, false],
      [{ bytesValue: 'aGk=' }, 'aGk='],
      [
        { kvlistValue: { values: [{ key: '__proto__', value: { intValue: 1 } }] } },
        JSON.parse('{"__proto__":1}'),
      ],
      [{ arrayValue: {} }, []],
      [{}, null],
      [{ stringValue: 'a\u0000b' }, 'a\ufffdb'],
    ]
    const request = exportOf({ scope: { name: 'lib' } })
    // oxlint-disable-next-line typescript/no-explicit-any -- made by exportOf
    ;(request as any).resourceSpans[0].scopeSpans[0].spans[0].attributes = values.map(
      ([value], i) => ({
        key: `k${i}`,
        value,
      }),
    )
    expect((await sendBody(h, JSON.stringify(request))).status).toBe(200)
    await h.drain()
    const { attributes } = (await runsByName(h)).span.metadata
    values.forEach(([, stored], i) => expect(attributes[`k${i}`], `k${i}`).toEqual(stored))
    expect(h.errors).toEqual([])
  })

  test('what Postgres cannot hold as text is replaced wherever a span has text of its own', async () => {
    const h = await harness()
    const text = 'a\u0000b\ud800'
    await send(h, [
      {
        name: text,
        status: { code: 2, message: text },
        events: [{ name: text, attributes: { [text]: text } }],
        scope: { name: text, version: text, attributes: { [text]: text } },
        resource: { [text]: text, 'service.version': text },
        attributes: { [text]: text },
      },
    ])
    await h.drain()
    expect(h.errors).toEqual([])
    const { body } = await h.call('GET', `/api/public/traces/${traceId}`)
    const stored = 'a\ufffdb\ufffd'
    expect(body).toMatchObject({ name: stored, version: stored })
    expect(body.observations).toMatchObject([{ name: stored, statusMessage: stored }])
  })

  test('five thousand spans of one trace, each repeating its attributes, cost the trace one row', async () => {
    const h = await harness()
    const spans = Array.from({ length: 5000 }, (_, i) => ({
      name: `span ${i}`,
      spanId: (i + 1).toString(16).padStart(16, '0'),
      ...(i === 0 ? {} : { parentSpanId: '1'.padStart(16, '0') }),
      start: i,
      attributes: {
        'user.id': 'u1',
        'langfuse.trace.tags': ['a'],
        'langfuse.trace.metadata.k': 'v',
      },
    }))
    const sent = await send(h, spans, { encoding: 'protobuf', isGzipped: true })
    expect(sent.status).toBe(200)
    await h.drain()
    expect(await traceRow(h)).toMatchObject({
      runCount: 5000,
      userId: 'u1',
      tags: ['a'],
      name: 'span 0',
    })
    expect(h.errors).toEqual([])
  })

  test('a resource of a megabyte is not repeated in every span, and ids and names of one are cut', async () => {
    const h = await harness()
    const long = randomBytes(500_000).toString('hex')
    const resource = { 'service.name': 'shop', 'process.command_args': long, 'host.name': 'h1' }
    const attributes = { 'user.id': long, 'session.id': long, 'langfuse.trace.name': long }
    await send(h, [{ resource, attributes: { ...attributes, 'langfuse.trace.tags': [long] } }])
    await h.drain()
    const { metadata, threadId } = (await runsByName(h)).span
    expect(metadata.resourceAttributes).toEqual({ 'service.name': 'shop', 'host.name': 'h1' })
    expect(threadId).toBe(long.slice(0, 800))
    expect(await traceRow(h)).toMatchObject({
      userId: long.slice(0, 800),
      name: long,
      tags: [long],
    })
    expect(h.errors).toEqual([])
  })

  test('nothing to store is stored', async () => {
    const h = await harness()
    for (const path of paths) {
      for (const body of ['{}', '{"resourceSpans":null}', '{"resourceSpans":[]}', 'null']) {
        expect(await sendBody(h, body, { path })).toMatchObject({ status: 200, body: {} })
      }
      expect((await sendBody(h, Buffer.alloc(0), { path, encoding: 'protobuf' })).status).toBe(200)
    }
    expect(await h.db`select id from traces`).toHaveLength(0)
  })

  test('Prefer: wait answers once the spans can be read', async () => {
    const h = await harness()
    await send(h, [{ name: 'root' }], { headers: { prefer: 'wait=30' } })
    expect(await runsByName(h)).toMatchObject({ root: { name: 'root' } })
  })

  test('runs are those of the default project for clients that know projects', async () => {
    const h = await harness()
    await send(h, [{ name: 'root' }])
    await h.drain()
    const [project] = (await h.call('GET', '/sessions?name=default')).body
    expect((await runsByName(h)).root.experimentId).toBe(project.id)
    const { body } = await h.call('POST', '/runs/query', { session: [project.id], is_root: true })
    expect(body.runs).toMatchObject([{ name: 'root', run_type: 'chain' }])
  })

  test('what was deleted does not come back with a late export', async () => {
    const h = await harness()
    await send(h, tree)
    await h.drain()
    const { id } = await traceRow(h)
    await h.db`insert into tombstones (tenant_id, kind, id, deleted_at) values (${h.tenant.id}, 'trace', ${id}, now())`
    await h.db`delete from runs where tenant_id = ${h.tenant.id}`
    await h.db`delete from traces where tenant_id = ${h.tenant.id}`
    await send(h, tree)
    await h.drain()
    expect(await h.db`select id from runs union select id from traces`).toHaveLength(0)
  })
})

describe('400', () => {
  const broken: [name: string, body: unknown, message: RegExp][] = [
    ['no JSON', '{"resourceSpans":', /^Failed to parse OTel JSON Trace/],
    ['an empty body', '', /^Failed to parse OTel JSON Trace/],
    ['no object', '[1]', /^Failed to parse OTel JSON Trace/],
    ['a scalar', '7', /^Failed to parse OTel JSON Trace/],
    ['a thousand levels', '['.repeat(1000), /^Failed to parse OTel JSON Trace/],
    ['resourceSpans no array', { resourceSpans: {} }, /^Invalid OTLP trace export: resourceSpans/],
    [
      'scopeSpans no array',
      { resourceSpans: [{ scopeSpans: 'x' }] },
      /^Invalid OTLP trace export: scopeSpans/,
    ],
    [
      'spans no array',
      { resourceSpans: [{ scopeSpans: [{ spans: 1 }] }] },
      /^Invalid OTLP trace export: spans/,
    ],
    [
      'a span no object',
      { resourceSpans: [{ scopeSpans: [{ spans: ['x'] }] }] },
      /^Invalid OTLP trace export/,
    ],
    ['attributes no array', withSpan({ attributes: {} }), /^Invalid OTLP trace export: attributes/],
    ['events no array', withSpan({ events: 'x' }), /^Invalid OTLP trace export: events/],
    ['an attribute no object', withSpan({ attributes: ['x'] }), /^Invalid OTLP trace export/],
    [
      'nested values no array',
      withSpan({ attributes: [{ key: 'k', value: { arrayValue: { values: 1 } } }] }),
      /values/,
    ],
  ]

  function withSpan(fields: object): object {
    return {
      resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: rootId, ...fields }] }] }],
    }
  }

  test.each(broken)('%s', async (_, body, message) => {
    const h = await harness()
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    expect(await sendBody(h, text)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(message) },
    })
    expect(await sendBody(h, text, { path: plainPath })).toMatchObject({
      status: 400,
      body: { code: 3, message: expect.stringMatching(message) },
    })
    await h.drain()
    expect(await h.db`select id from runs`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('protobuf that is none, wherever it breaks off or is changed, is refused or read, never a 5xx', async () => {
    const h = await harness()
    const whole = protobufOf(exportOf(...tree))
    const statuses = new Set<number>()
    for (let cut = 1; cut < whole.length; cut += 7) {
      const changed = Buffer.from(whole)
      changed[cut]! ^= 0xff
      for (const body of [whole.subarray(0, cut), changed]) {
        const { status } = await sendBody(h, body, { encoding: 'protobuf', path: plainPath })
        statuses.add(status)
      }
    }
    expect([...statuses].toSorted((a, b) => a - b)).toEqual([200, 400])
    const { body } = await sendBody(h, Buffer.from('not protobuf'), { encoding: 'protobuf' })
    expect(body).toEqual({ error: 'Failed to parse OTel Protobuf Trace' })
    await h.drain()
    expect(h.errors).toEqual([])
  })

  test('protobuf whose values nest thousands deep is refused', async () => {
    const h = await harness()
    let value: Buffer = Buffer.alloc(0)
    for (let i = 0; i < 2000; i++) value = lengthPrefixed(5, lengthPrefixed(1, value))
    const attribute = lengthPrefixed(9, lengthPrefixed(2, value))
    const body = lengthPrefixed(1, lengthPrefixed(2, lengthPrefixed(2, attribute)))
    expect((await sendBody(h, body, { encoding: 'protobuf' })).status).toBe(400)
  })

  function lengthPrefixed(field: number, content: Buffer): Buffer {
    const length: number[] = []
    for (let rest = content.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest)
      if (rest <= 127) break
    }
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content])
  }

  const badIds: [name: string, ids: TestSpan][] = [
    ['no trace id', { traceId: undefined }],
    ['an empty span id', { spanId: '' }],
    ['zeros', { spanId: '0'.repeat(16) }],
    ['a short one', { traceId: 'abc' }],
    ['a UUID', { traceId: '4ea979d0-f0a7-3baf-9a4e-3c48989f43e4' }],
    ['a number', { spanId: 7 }],
    ['bytes that are none', { spanId: { type: 'Buffer', data: [1, 2, 999] } }],
    ['a parent that is no id', { parentSpanId: 'parent' }],
  ]

  test.each(badIds)('ids that are not valid: %s', async (_, ids) => {
    const h = await harness()
    const spans: TestSpan[] = [{ name: 'good' }, { name: 'bad', spanId: 'b'.repeat(16), ...ids }]
    expect(await send(h, spans)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^Invalid OTLP trace export: /) },
    })
    await h.drain()
    expect(await h.db`select id from runs`).toHaveLength(0)
    // The plain endpoint takes the other spans, and says which it did not take.
    expect(await send(h, spans, { path: plainPath })).toMatchObject({
      status: 200,
      body: {
        partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('no valid') },
      },
    })
    await h.drain()
    expect(Object.keys(await runsByName(h))).toEqual(['good'])
    expect(h.errors).toEqual([])
  })

  test('a refusal counts the spans, and names the field and the instrumentations', async () => {
    const h = await harness()
    const good: TestSpan = { name: 'good', scope: { name: 'app' } }
    const bad: TestSpan[] = [
      { traceId: 'abc', scope: { name: 'tracer-a' } },
      { traceId: undefined, scope: { name: 'tracer-b' } },
      { traceId: undefined, scope: { name: 'tracer-b' } },
    ]
    const refusal =
      '3 of 4 span(s) cannot be processed (1 × no valid traceId: not an id, 2 × no valid traceId: absent). ' +
      'Instrumentation scopes: tracer-a, tracer-b.'
    const whole = `Invalid OTLP trace export: ${refusal} The whole export was refused, and no span was stored.`
    expect(await send(h, [good, ...bad])).toMatchObject({ status: 400, body: { error: whole } })
    expect(await send(h, [good, ...bad], { path: plainPath })).toMatchObject({
      status: 200,
      body: { partialSuccess: { rejectedSpans: '3', errorMessage: refusal } },
    })
    const broken = exportOf(good)
    // oxlint-disable-next-line typescript/no-explicit-any -- made by exportOf
    ;(broken as any).resourceSpans[0].scopeSpans[0].spans[0].events = 'x'
    expect(await sendBody(h, JSON.stringify(broken))).toMatchObject({
      status: 400,
      body: {
        error: 'Invalid OTLP trace export: events is no array (span 1 of 1 of scope "app")',
      },
    })
  })

  test('a partial success in protobuf counts the refused spans', async () => {
    const h = await harness()
    const spans = [{ name: 'good' }, { spanId: '00' }, { spanId: '' }]
    const { bytes } = await send(h, spans, { path: plainPath, encoding: 'protobuf' })
    const reader = new BinaryReader(bytes)
    expect(reader.tag()).toEqual([1, 2])
    reader.uint32()
    expect(reader.tag()).toEqual([1, 0])
    expect(Number(reader.int64())).toBe(2)
    expect(reader.tag()).toEqual([2, 2])
    expect(reader.string()).toContain('no valid spanId')
  })

  test('another content type, and what is not compressed as it says', async () => {
    const h = await harness()
    for (const type of ['text/plain', 'application/xml', 'application/grpc']) {
      const headers = { 'content-type': type }
      expect(await sendBody(h, '{}', { headers })).toMatchObject({
        status: 400,
        body: { error: 'Invalid content type' },
      })
      expect(await sendBody(h, '{}', { headers, path: plainPath })).toMatchObject({
        status: 400,
        body: { code: 3, message: 'Invalid content type' },
      })
    }
    const headers = { 'content-encoding': 'gzip' }
    expect(await sendBody(h, 'plain', { headers })).toMatchObject({
      status: 400,
      body: { error: 'Failed to decompress request body' },
    })
    expect(await sendBody(h, 'plain', { headers, path: plainPath })).toMatchObject({
      status: 400,
      body: { code: 3 },
    })
  })

  test('the version of ingestion is a number up to 4, if it is told at all', async () => {
    const h = await harness()
    for (const version of ['', 'x', '5']) {
      const headers = { 'x-langfuse-ingestion-version': version }
      expect(await sendBody(h, '{}', { headers })).toMatchObject({
        status: 400,
        body: {
          error: `Unsupported x-langfuse-ingestion-version: "${version}". Maximum supported: "4".`,
        },
      })
    }
    for (const name of ['x-langfuse-ingestion-version', 'x_langfuse_ingestion_version']) {
      expect((await sendBody(h, '{}', { headers: { [name]: '4' } })).status).toBe(200)
    }
  })
})

describe('401, 403, 404, 405, 413', () => {
  test("keys are Langfuse's inside its API, and any form of them outside", async () => {
    const h = await harness()
    const wrong = { authorization: 'Basic cGs6c2s=' }
    expect(await sendBody(h, '{}', { headers: wrong })).toMatchObject({
      status: 401,
      body: { message: "Invalid credentials. Confirm that you've configured the correct host." },
    })
    expect(await sendBody(h, '{}', { headers: wrong, path: plainPath })).toMatchObject({
      status: 401,
      body: { code: 16, message: 'Invalid credentials' },
    })
    const refused = await sendBody(h, '', { headers: wrong, path: plainPath, encoding: 'protobuf' })
    const reader = new BinaryReader(refused.bytes)
    expect([refused.status, reader.tag(), reader.int32(), reader.tag(), reader.string()]).toEqual([
      401,
      [1, 0],
      16,
      [2, 2],
      'Invalid credentials',
    ])
    for (const headers of [
      { authorization: h.tenant.basic },
      { authorization: `Bearer ${h.tenant.secretKey}` },
      { authorization: '', 'x-api-key': h.tenant.secretKey },
    ]) {
      expect((await sendBody(h, '{}', { headers, path: plainPath })).status).toBe(200)
    }
    const publicKey = { authorization: `Bearer ${h.tenant.publicKey}` }
    expect(await sendBody(h, '{}', { headers: publicKey })).toMatchObject({
      status: 403,
      body: { message: 'Access denied - insufficient permissions for this endpoint' },
    })
    expect((await sendBody(h, '{}', { headers: publicKey, path: plainPath })).status).toBe(401)
  })

  test("each tenant's spans are its own, though the ids are the same", async () => {
    const h = await harness()
    const other = await h.addTenant()
    await send(h, [{ name: 'mine' }])
    await send(h, [{ name: 'theirs' }], { headers: { authorization: other.basic } })
    await h.drain()
    expect(Object.keys(await runsByName(h))).toEqual(['mine'])
  })

  test('other methods and paths are refused in the shape of the dialect', async () => {
    const h = await harness()
    expect(await h.call('GET', langfusePath)).toMatchObject({
      status: 405,
      body: { message: 'Method not allowed', error: 'MethodNotAllowedError' },
    })
    expect(await h.call('GET', plainPath)).toMatchObject({ status: 405, body: { code: 3 } })
    expect(await h.call('POST', '/api/public/otel/v1/profiles', {})).toMatchObject({
      status: 404,
      body: { error: 'LangfuseNotFoundError' },
    })
  })

  test('more spans than one export may hold are refused', async () => {
    const h = await harness()
    const spans = Array.from({ length: 20_001 }, () => ({}))
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
    const message = 'An export may hold 20000 spans: send smaller batches'
    expect(await sendBody(h, body)).toMatchObject({ status: 413, body: { error: message } })
    expect(await sendBody(h, body, { path: plainPath })).toMatchObject({
      status: 413,
      body: { code: 8, message },
    })
  })

  test('a body over the limit is refused whatever it unpacks from', async () => {
    const h = await harness()
    const body = JSON.stringify({ resourceSpans: [], pad: 'x'.repeat(21_000_000) })
    for (const isGzipped of [false, true]) {
      expect((await sendBody(h, body, { isGzipped })).status).toBe(413)
      expect(await sendBody(h, body, { isGzipped, path: plainPath })).toMatchObject({
        status: 413,
        body: { code: 8 },
      })
    }
    expect(h.errors).toEqual([])
  })
})

describe('503', () => {
  test('while the queue is away nothing is taken, and exporters are told when to come again', async () => {
    const h = await harness()
    await send(h, [{ name: 'before' }])
    await h.drain()
    await h.queue.stop()
    for (const path of paths) {
      const answer = await send(h, [{ name: 'after' }], { path })
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
    }
    expect(h.errors).toEqual([])
  })
})
