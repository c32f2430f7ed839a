import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

interface ExampleBody {
  id: string
  modified_at: string
  inputs: Record<string, unknown>
  metadata: { dataset_split: string[] }
}

interface VersionBody {
  as_of: string
  tags: string[] | null
}

async function makeDataset(h: Harness, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

async function makeExample(h: Harness, datasetId: string, rest: object = {}): Promise<ExampleBody> {
  const answer = await h.call('POST', '/examples', { dataset_id: datasetId, inputs: {}, ...rest })
  expect(answer.status).toBe(200)
  return answer.body as ExampleBody
}

async function listVersions(h: Harness, id: string, query = ''): Promise<VersionBody[]> {
  const answer = await h.call('GET', `/datasets/${id}/versions?${query}`)
  expect(answer.status).toBe(200)
  return answer.body as VersionBody[]
}

async function tag(h: Harness, id: string, name: string, asOf: string): Promise<VersionBody> {
  const answer = await h.call('PUT', `/datasets/${id}/tags`, { as_of: asOf, tag: name })
  expect(answer.status).toBe(200)
  return answer.body as VersionBody
}

async function listIds(h: Harness, query: string): Promise<string[]> {
  const answer = await h.call('GET', `/examples?${query}`)
  expect(answer.status).toBe(200)
  return (answer.body as ExampleBody[]).map(({ id }) => id)
}

const second = (timestamp: string, ms: number) => new Date(Date.parse(timestamp) + ms).toISOString()

describe('200 GET /datasets/{id}/versions', () => {
  test('each create, change and delete is a version, newest first', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    expect(await listVersions(h, id)).toEqual([])
    const a = await makeExample(h, id)
    const bulk = await h.call('POST', '/examples/bulk', [
      { dataset_id: id, inputs: {} },
      { dataset_id: id, inputs: {} },
    ])
    const [b, c] = bulk.body as ExampleBody[]
    const changed = await h.call('PATCH', `/examples/${a.id}`, { inputs: { v: 2 } })
    await h.call('DELETE', `/examples?example_ids=${b!.id}&example_ids=${c!.id}`)
    const versions = await listVersions(h, id)
    expect(versions.map(({ as_of: asOf }) => asOf)).toEqual([
      expect.any(String),
      changed.body.modified_at,
      b!.modified_at,
      a.modified_at,
    ])
    expect(versions[0]!.as_of > changed.body.modified_at).toBe(true)
    expect(versions.map(({ tags }) => tags)).toEqual([['latest'], null, null, null])
    const before = await listIds(h, `dataset=${id}&as_of=${changed.body.modified_at}`)
    expect(before).toHaveLength(3)
    expect(await listIds(h, `dataset=${id}&as_of=${versions[0]!.as_of}`)).toEqual([a.id])
    expect([
      ...(await listVersions(h, id, 'limit=2')),
      ...(await listVersions(h, id, 'limit=2&offset=2')),
    ]).toEqual(versions)
    expect(await listVersions(h, id, `example=${a.id}`)).toEqual([versions[1], versions[3]])
    expect(await listVersions(h, id, `example=${b!.id}`)).toEqual([versions[0], versions[2]])
    expect(await listVersions(h, await makeDataset(h))).toEqual([])
  })

  test('search finds versions by a substring of a tag, in upper or lower case', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { modified_at: first } = await makeExample(h, id)
    await makeExample(h, id)
    await tag(h, id, 'Prod_1', first)
    expect(await listVersions(h, id, 'search=prod')).toEqual([{ as_of: first, tags: ['Prod_1'] }])
    expect(await listVersions(h, id, 'search=_1')).toHaveLength(1)
    expect(await listVersions(h, id, 'search=prod%25')).toEqual([])
    expect(await listVersions(h, id, 'search=%00')).toEqual([])
  })
})

describe('200 GET /datasets/{id}/version', () => {
  test('returns the newest version up to a time, the version of a tag, or the latest', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { id: example, modified_at: first } = await makeExample(h, id)
    h.clock.advance(10_000)
    await h.call('DELETE', `/examples/${example}`)
    await tag(h, id, 'full', first)
    const url = `/datasets/${id}/version`
    const [newest] = await listVersions(h, id)
    const expected = { as_of: first, tags: ['full'] }
    for (const query of [
      `as_of=${first}`,
      `as_of=${second(first, 5000)}`,
      `as_of=${first.replace('T', ' ').replace('Z', '%2B00:00')}`,
      'tag=full',
      'as_of=full',
    ]) {
      expect([query, (await h.call('GET', `${url}?${query}`)).body]).toEqual([query, expected])
    }
    for (const query of ['tag=latest', 'as_of=latest', '', `as_of=${second(first, 60_000)}`]) {
      expect([query, (await h.call('GET', `${url}?${query}`)).body]).toEqual([query, newest])
    }
  })
})

describe('PUT /datasets/{id}/tags', () => {
  test('a tag stands for a version wherever as_of is accepted, and can be moved', async () => {
    const h = await harness()
    const [id, other] = [await makeDataset(h), await makeDataset(h)]
    const a = await makeExample(h, id, { inputs: { v: 1 }, split: 'one' })
    const { body: changed } = await h.call('PATCH', `/examples/${a.id}`, {
      inputs: { v: 2 },
      split: 'two',
    })
    const b = await makeExample(h, id)
    const foreign = await makeExample(h, other)
    // A time slightly after the version, which means the newest version up to then.
    expect(await tag(h, id, 'prod', a.modified_at.replace('000Z', '900Z'))).toEqual({
      as_of: a.modified_at,
      tags: ['prod'],
    })
    expect(await tag(h, id, 'also prod', 'prod')).toEqual({
      as_of: a.modified_at,
      tags: ['also prod', 'prod'],
    })
    const inputsAt = async (name: string) =>
      (await h.call('GET', `/examples/${a.id}?as_of=${name}&dataset=${id}`)).body.inputs as object
    expect(await inputsAt('prod')).toEqual({ v: 1 })
    expect(await listIds(h, `dataset=${id}&as_of=prod`)).toEqual([a.id])
    expect(await listIds(h, 'as_of=prod')).toEqual([a.id])
    expect((await h.call('GET', `/examples/count?dataset=${id}&as_of=prod`)).body).toBe(1)
    expect((await h.call('GET', `/datasets/${id}/splits?as_of=prod`)).body).toEqual(['one'])
    expect((await h.call('GET', `/examples/${b.id}?as_of=prod`)).status).toBe(404)
    expect((await h.call('GET', `/examples/${foreign.id}?as_of=prod`)).status).toBe(404)

    const [newest] = await listVersions(h, id)
    expect(await tag(h, id, 'prod', 'latest')).toEqual({
      as_of: newest!.as_of,
      tags: ['latest', 'prod'],
    })
    expect(await inputsAt('prod')).toEqual({ v: 2 })
    expect((await inputsAt('also%20prod')) as unknown).toEqual({ v: 1 })
    expect(await listIds(h, `dataset=${id}&as_of=prod`)).toEqual([b.id, a.id])
    expect((await listVersions(h, id)).map(({ tags }) => tags)).toEqual([
      ['latest', 'prod'],
      null,
      ['also prod'],
    ])
    expect(changed.inputs).toEqual({ v: 2 })
  })

  test('an unknown tag is an empty list', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await makeExample(h, id)
    expect(await listIds(h, `dataset=${id}&as_of=nope`)).toEqual([])
    expect((await h.call('GET', `/examples/count?dataset=${id}&as_of=nope`)).body).toBe(0)
    expect((await h.call('GET', `/datasets/${id}/splits?as_of=nope`)).body).toEqual([])
  })

  test('tags are deleted with their dataset', async () => {
    const h = await harness()
    const id = await makeDataset(h, { id: randomUUID() })
    const { modified_at: first } = await makeExample(h, id)
    await tag(h, id, 'prod', first)
    await h.call('DELETE', `/datasets/${id}`)
    await makeDataset(h, { id })
    await makeExample(h, id)
    expect(await listIds(h, `dataset=${id}&as_of=prod`)).toEqual([])
  })
})

describe('200 GET /datasets/{id}/versions/diff', () => {
  test('only the two states are compared, not what happened in between', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const kept = await makeExample(h, id)
    const changed = await makeExample(h, id)
    const removed = await makeExample(h, id)
    const from = removed.modified_at
    await tag(h, id, 'start', from)
    await h.call('PATCH', `/examples/${changed.id}`, { inputs: { v: 2 } })
    await h.call('PATCH', `/examples/${removed.id}`, { inputs: { v: 2 } })
    await h.call('DELETE', `/examples/${removed.id}`)
    const added = await makeExample(h, id)
    await h.call('PATCH', `/examples/${added.id}`, { inputs: { v: 2 } })
    const fleeting = await makeExample(h, id)
    await h.call('DELETE', `/examples/${fleeting.id}`)
    const diff = async (query: string) =>
      (await h.call('GET', `/datasets/${id}/versions/diff?${query}`)).body as unknown
    const expected = {
      examples_added: [added.id],
      examples_modified: [changed.id],
      examples_removed: [removed.id],
    }
    expect(await diff(`from_version=${from}&to_version=latest`)).toEqual(expected)
    expect(await diff(`from_version=start&to_version=${second(from, 3_600_000)}`)).toEqual(expected)
    expect(await diff('from_version=latest&to_version=start')).toEqual({
      examples_added: [removed.id],
      examples_modified: [changed.id],
      examples_removed: [added.id],
    })
    const all = [kept.id, changed.id, added.id].toSorted()
    expect(await diff('from_version=2020-01-01&to_version=latest')).toEqual({
      examples_added: all,
      examples_modified: [],
      examples_removed: [],
    })
  })
})

describe('200 /datasets/{id}/splits', () => {
  test('examples enter and leave a split as one version, and the answer names those that changed', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const a = await makeExample(h, id, { outputs: { o: 1.0 }, metadata: { k: 1 } })
    const b = await makeExample(h, id, { split: 'train' })
    const put = async (body: object) => h.call('PUT', `/datasets/${id}/splits`, body)
    const asked = { split_name: 'train', examples: [a.id, b.id, a.id] }
    expect(await put(asked)).toMatchObject({ status: 200, body: [a.id] })
    expect(await put({ ...asked, remove: false })).toMatchObject({ status: 200, body: [] })
    const read = async (example: ExampleBody) =>
      (await h.call('GET', `/examples/${example.id}`)).body as ExampleBody
    expect(await read(a)).toMatchObject({
      outputs: { o: 1 },
      metadata: { k: 1, dataset_split: ['base', 'train'] },
    })
    expect(await listVersions(h, id)).toHaveLength(3)
    expect((await h.call('GET', `/datasets/${id}/splits`)).body).toEqual(['base', 'train'])
    expect(await put({ ...asked, remove: true })).toMatchObject({ body: [a.id, b.id] })
    // An example is always in at least one split.
    expect((await read(b)).metadata.dataset_split).toEqual(['base'])
    expect((await h.call('GET', `/datasets/${id}/splits`)).body).toEqual(['base'])
    const before = `/datasets/${id}/splits?as_of=${b.modified_at}`
    expect((await h.call('GET', before)).body).toEqual(['base', 'train'])
    expect((await h.call('GET', `/datasets/${await makeDataset(h)}/splits`)).body).toEqual([])
  })
})

describe('404 versions, tags and splits', () => {
  test('unknown datasets, versions and tags, and those of another tenant, are "not found" in lower case', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { id: example, modified_at: first } = await makeExample(h, id)
    const stranger = await h.addTenant()
    const requests: [method: string, path: string, body?: object][] = [
      ['GET', 'versions'],
      ['GET', 'version'],
      ['GET', `version?as_of=${first}`],
      ['GET', 'versions/diff?from_version=latest&to_version=latest'],
      ['PUT', 'tags', { as_of: first, tag: 'x' }],
      ['GET', 'splits'],
      ['PUT', 'splits', { split_name: 'x', examples: [example] }],
    ]
    for (const [as, dataset] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      for (const [method, path, body] of requests) {
        const answer = await h.callAs(as, method, `/datasets/${dataset}/${path}`, body)
        expect([path, answer.status, answer.body]).toEqual([
          path,
          404,
          { detail: 'Dataset not found' },
        ])
      }
    }
    const empty = await makeDataset(h)
    for (const [method, path, body] of [
      ['GET', `${empty}/version?tag=latest`],
      ['GET', `${id}/version?as_of=2020-01-01T00:00:00Z`],
      ['GET', `${id}/version?tag=nope`],
      ['GET', `${id}/versions/diff?from_version=nope&to_version=latest`],
      ['PUT', `${id}/tags`, { as_of: 'nope', tag: 'x' }],
      ['PUT', `${id}/tags`, { as_of: '2020-01-01T00:00:00Z', tag: 'x' }],
    ] as const) {
      const answer = await h.call(method, `/datasets/${path}`, body)
      expect([path, answer.status, answer.body]).toEqual([
        path,
        404,
        { detail: 'Dataset version not found' },
      ])
    }
    expect(await listVersions(h, id)).toEqual([{ as_of: first, tags: ['latest'] }])
    // Another tenant's tag for the same dataset id has no meaning here.
    const twin = await h.callAs(stranger, 'POST', '/datasets', { name: 'twin', id })
    expect(twin.status).toBe(200)
    await tag(h, id, 'prod', first)
    const seen = await h.callAs(stranger, 'GET', `/examples?dataset=${id}&as_of=prod`)
    expect(seen.body).toEqual([])
    expect((await h.callAs(stranger, 'GET', `/examples/${example}?as_of=prod`)).status).toBe(404)
  })

  test('an unknown example leaves all splits unchanged, and an example of another dataset is 409', async () => {
    const h = await harness()
    const [id, other] = [await makeDataset(h), await makeDataset(h)]
    const mine = await makeExample(h, id)
    const theirs = await makeExample(h, other)
    for (const [example, status] of [
      [randomUUID(), 404],
      [theirs.id, 409],
    ] as const) {
      const body = { split_name: 'x', examples: [mine.id, example] }
      expect((await h.call('PUT', `/datasets/${id}/splits`, body)).status).toBe(status)
    }
    expect((await h.call('GET', `/datasets/${id}/splits`)).body).toEqual(['base'])
  })
})

describe('422 versions, tags and splits', () => {
  test('every kind of wrong input is refused and changes nothing', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { id: example, modified_at: first } = await makeExample(h, id)
    const requests: [method: 'GET' | 'PUT', path: string, body?: unknown][] = [
      ['GET', 'nope/versions'],
      ['GET', `${id}/versions?limit=0`],
      ['GET', `${id}/versions?limit=101`],
      ['GET', `${id}/versions?offset=-1`],
      ['GET', `${id}/versions?example=nope`],
      ['GET', 'nope/version'],
      ['GET', `${id}/version?as_of=${first}&tag=latest`],
      ['GET', 'nope/versions/diff?from_version=latest&to_version=latest'],
      ['GET', `${id}/versions/diff`],
      ['GET', `${id}/versions/diff?from_version=latest`],
      ['GET', 'nope/splits'],
      ['PUT', 'nope/tags', { as_of: first, tag: 'x' }],
      ...[
        undefined,
        [],
        'text',
        {},
        { tag: 'x' },
        { as_of: first },
        { as_of: first, tag: '' },
        { as_of: first, tag: 5 },
        { as_of: first, tag: 'x'.repeat(256) },
        { as_of: first, tag: 'latest' },
        { as_of: first, tag: '2026-01-01' },
        { as_of: {}, tag: 'x' },
      ].map((body): [method: 'PUT', path: string, body: unknown] => ['PUT', `${id}/tags`, body]),
      ['PUT', 'nope/splits', { split_name: 'x', examples: [] }],
      ...[
        undefined,
        [],
        {},
        { split_name: 'x' },
        { examples: [] },
        { split_name: '', examples: [example] },
        { split_name: 5, examples: [example] },
        { split_name: 'x', examples: ['nope'] },
        { split_name: 'x', examples: example },
        { split_name: 'x', examples: [example], remove: 'yes' },
        `{"split_name":"x","examples":${'['.repeat(1000)}${']'.repeat(1000)}}`,
      ].map((body): [method: 'PUT', path: string, body: unknown] => ['PUT', `${id}/splits`, body]),
    ]
    for (const [method, path, body] of requests) {
      const { status } = await h.call(method, `/datasets/${path}`, body)
      expect([status, path, body]).toEqual([422, path, body])
    }
    expect(await listVersions(h, id)).toEqual([{ as_of: first, tags: ['latest'] }])
    expect(h.errors).toEqual([])
  })

  test('text that Postgres cannot hold is stored in a readable form', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { id: example, modified_at: first } = await makeExample(h, id)
    const tagged = `{"as_of":"${first}","tag":"a\\u0000\\ud800"}`
    expect((await h.call('PUT', `/datasets/${id}/tags`, tagged)).body.tags).toContain(
      'a\ufffd\ufffd',
    )
    expect(await listIds(h, `dataset=${id}&as_of=a%EF%BF%BD%EF%BF%BD`)).toEqual([example])
    const split = `{"split_name":"s\\u0000","examples":["${example}"]}`
    expect((await h.call('PUT', `/datasets/${id}/splits`, split)).body).toEqual([example])
    expect((await h.call('GET', `/datasets/${id}/version?as_of=%00`)).status).toBe(404)
    expect(h.errors).toEqual([])
  })
})
