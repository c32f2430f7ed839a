import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { everyByte } from '../../../support/bytes.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { encode, multipartType, type GivenPart } from '../../../support/multipart.ts'

async function send(h: Harness, parts: GivenPart[], style?: 'js' | 'python'): Promise<Answer> {
  const response = await h.app.inject({
    method: 'POST',
    url: '/runs/multipart',
    headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
    payload: encode(parts, style),
  })
  await h.drain()
  const { statusCode: status, body: text, headers } = response
  return { status, text, headers, body: JSON.parse(text) }
}

function create(id: string, more: object = {}): GivenPart {
  const run = { id, name: 'run', run_type: 'chain', start_time: '2026-01-21T14:35:42Z', ...more }
  return { name: `post.${id}`, value: JSON.stringify(run) }
}

function file(id: string, name: string, value: Buffer | string, type = 'text/plain'): GivenPart {
  return { name: `attachment.${id}.${name}`, value, type }
}

type Shown = Record<string, { presigned_url: string; s3_url: string; mime_type: string }>

/** The content and type of each attachment in `s3_urls`, by name. */
async function contents(h: Harness, urls: Shown | null): Promise<Record<string, string[]>> {
  const found: [string, string[]][] = []
  for (const [name, { presigned_url: url, mime_type: type }] of Object.entries(urls ?? {})) {
    const { pathname, search } = new URL(url)
    const answer = await h.app.inject({ method: 'GET', url: pathname + search })
    expect(answer.statusCode).toBe(200)
    found.push([name, [answer.rawPayload.toString('latin1'), type]])
  }
  return Object.fromEntries(found)
}

async function attachmentsOf(h: Harness, id: string): Promise<Record<string, string[]>> {
  const answer = await h.call('GET', `/runs/${id}`)
  expect(answer.status).toBe(200)
  return contents(h, answer.body.s3_urls as Shown | null)
}

describe('202', () => {
  test('attachments of a run read back byte for byte, from both clients', async () => {
    const h = await harness()
    for (const style of ['js', 'python'] as const) {
      const id = randomUUID()
      const sent = await send(
        h,
        [
          create(id),
          file(id, 'bytes', everyByte, 'image/png'),
          file(id, 'empty', ''),
          file(id, 'a.b', 'x', 'text/plain; charset=utf-8'),
        ],
        style,
      )
      expect(sent.status).toBe(202)
      expect(await attachmentsOf(h, id)).toEqual({
        'attachment.bytes': [everyByte.toString('latin1'), 'image/png'],
        'attachment.empty': ['', 'text/plain'],
        'attachment.a.b': ['x', 'text/plain; charset=utf-8'],
      })
    }
    expect(h.errors).toEqual([])
  })

  test('every view of a run shows its attachments, and a query does only when asked to', async () => {
    const h = await harness()
    const dataset = await h.call('POST', '/datasets', { name: 'd' })
    const example = await h.call('POST', '/examples', { dataset_id: dataset.body.id, inputs: {} })
    const session = await h.call('POST', '/sessions', {
      name: 'experiment',
      reference_dataset_id: dataset.body.id,
    })
    const id = randomUUID()
    await send(h, [
      create(id, { session_id: session.body.id, reference_example_id: example.body.id }),
      file(id, 'a', 'A'),
    ])
    const expected = { 'attachment.a': ['A', 'text/plain'] }
    expect(await attachmentsOf(h, id)).toEqual(expected)
    const query = async (more: object) =>
      (await h.call('POST', '/runs/query', { session: [session.body.id], ...more })).body.runs[0]
    expect(await contents(h, (await query({})).s3_urls)).toEqual(expected)
    expect(await contents(h, (await query({ select: ['s3_urls'] })).s3_urls)).toEqual(expected)
    expect(await contents(h, (await query({ select: ['inputs'] })).s3_urls)).toEqual(expected)
    expect(await query({ select: ['extra'] })).not.toHaveProperty('s3_urls')
    for (const preview of [true, false]) {
      const compared = await h.call('POST', `/datasets/${dataset.body.id}/runs`, {
        session_ids: [session.body.id],
        preview,
      })
      expect(await contents(h, compared.body[0].runs[0].s3_urls)).toEqual(expected)
    }
  })

  test('an attachment of the same name replaces, others are added, whether by create or update', async () => {
    const h = await harness()
    const id = randomUUID()
    await send(h, [create(id), file(id, 'a', 'first'), file(id, 'b', 'kept')])
    await send(h, [
      { name: `patch.${id}`, value: '{"end_time":"2026-01-21T14:35:43Z"}' },
      file(id, 'a', 'second'),
      file(id, 'c', 'new'),
    ])
    const expected = {
      'attachment.a': ['second', 'text/plain'],
      'attachment.b': ['kept', 'text/plain'],
      'attachment.c': ['new', 'text/plain'],
    }
    expect(await attachmentsOf(h, id)).toEqual(expected)
    // A create that arrives again, late, changes nothing.
    await send(h, [create(id), file(id, 'a', 'first'), file(id, 'b', 'kept')])
    expect(await attachmentsOf(h, id)).toEqual(expected)
    h.clock.advance(60_000)
    await send(h, [file(id, 'a', 'third'), file(id, 'a', 'fourth')])
    expect((await attachmentsOf(h, id))['attachment.a']).toEqual(['fourth', 'text/plain'])
  })

  test('the v2 routes return links to attachments under their plain names', async () => {
    const h = await harness()
    const dataset = (await h.call('POST', '/datasets', { name: 'd' })).body.id as string
    const example = (await h.call('POST', '/examples', { dataset_id: dataset, inputs: {} })).body.id
    const session = (
      await h.call('POST', '/sessions', { name: 's', reference_dataset_id: dataset })
    ).body.id as string
    const id = randomUUID()
    const links = { session_id: session, reference_example_id: example }
    await send(h, [create(id, links), file(id, 'a', 'A'), file(id, 'b.c', 'B')])
    const selects = ['ATTACHMENTS']
    const experiment = { experiment_ids: [session], selects }
    const query = { project_ids: [session], min_start_time: '2026-01-01T00:00:00Z', selects }
    const path = `project_id=${session}&selects=ATTACHMENTS`
    const answers = [
      (await h.call('GET', `/v2/runs/${id}?${path}`)).body,
      (await h.call('GET', `/v2/traces/${id}/runs?${path}`)).body.items[0],
      (await h.call('POST', '/v2/runs/query', query)).body.items[0],
      (await h.call('POST', `/v2/datasets/${dataset}/experiment-runs`, experiment)).body.items[0]
        .runs[0],
    ]
    for (const { attachments } of answers) {
      expect(Object.keys(attachments)).toEqual(['a', 'b.c'])
      const { pathname, search } = new URL(attachments.a)
      expect((await h.app.inject({ method: 'GET', url: pathname + search })).body).toBe('A')
    }
  })

  test('bodies in any order, and repeated, result in the same attachments', async () => {
    const id = randomUUID()
    const bodies = [
      [create(id), file(id, 'a', 'created'), file(id, 'b', 'B')],
      [
        { name: `patch.${id}`, value: '{"end_time":"2026-01-21T14:35:43Z"}' },
        file(id, 'a', 'updated'),
      ],
      [{ name: `patch.${id}`, value: '{"end_time":"2026-01-21T14:35:44Z"}' }, file(id, 'c', 'C')],
    ]
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2, 1, 0],
      [2, 0, 2, 1],
    ]) {
      const h = await harness()
      for (const i of order) expect((await send(h, bodies[i]!)).status).toBe(202)
      expect(await attachmentsOf(h, id)).toEqual({
        'attachment.a': ['updated', 'text/plain'],
        'attachment.b': ['B', 'text/plain'],
        'attachment.c': ['C', 'text/plain'],
      })
      await h.close()
    }
  })

  test('attachments wait for a run that has not arrived, which is not shown until it does', async () => {
    const h = await harness()
    const id = randomUUID()
    expect((await send(h, [file(id.toUpperCase(), 'early', 'E')])).status).toBe(202)
    expect((await h.call('GET', `/runs/${id}`)).status).toBe(404)
    await h.call('POST', '/runs', JSON.parse(String(create(id).value)))
    await h.drain()
    expect(await attachmentsOf(h, id)).toEqual({ 'attachment.early': ['E', 'text/plain'] })
  })

  test('a run without attachments shows none', async () => {
    const h = await harness()
    const id = randomUUID()
    await send(h, [create(id)])
    expect((await h.call('GET', `/runs/${id}`)).body.s3_urls).toBeNull()
  })
})

describe('refused', () => {
  test('attachments of a refused run are not kept, and those of other runs are', async () => {
    const h = await harness()
    const [bad, broken, good] = [randomUUID(), randomUUID(), randomUUID()]
    const answer = await send(h, [
      create(bad, { run_type: 'nonsense' }),
      file(bad, 'a', 'A'),
      create(broken),
      { name: `post.${broken}.inputs`, value: '{' },
      file(broken, 'a', 'A'),
      create(good),
      file(good, 'b', 'B'),
      file('no-uuid', 'c', 'C'),
    ])
    expect(answer.status).toBe(422)
    expect(answer.body.error).toContain(bad)
    expect(answer.body.error).toContain('no-uuid')
    expect(await attachmentsOf(h, good)).toEqual({ 'attachment.b': ['B', 'text/plain'] })
    for (const id of [bad, broken]) {
      await h.call('POST', '/runs', JSON.parse(String(create(id).value)))
      await h.drain()
      expect((await h.call('GET', `/runs/${id}`)).body.s3_urls).toBeNull()
    }
    expect(h.errors).toEqual([])
  })

  test('another tenant cannot add attachments to a run', async () => {
    const h = await harness()
    const id = randomUUID()
    await send(h, [create(id), file(id, 'a', 'mine')])
    const stranger = await h.addTenant()
    await send({ ...h, tenant: stranger }, [file(id, 'a', 'theirs')])
    expect(await attachmentsOf(h, id)).toEqual({ 'attachment.a': ['mine', 'text/plain'] })
    expect((await h.callAs(stranger, 'GET', `/runs/${id}`)).status).toBe(404)
  })
})
