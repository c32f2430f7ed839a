import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { documentedOperations, type Operation } from '../../support/documented-answers.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { multipartType } from '../../support/multipart.ts'

/** How a route says what is wrong (contracts/langsmith.md 1.3). */
function shapeOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return typeof body
  const keys = Object.keys(body).toSorted().join()
  if (keys === 'detail') return 'detail'
  if (keys === 'error' || keys === 'details,error') return 'error'
  return keys === 'detail,instance,status,title,type' ? 'problem' : keys
}

/** The shape of a route of the vendor's server. */
function vendorShape(method: string, path: string): string {
  if (path.startsWith('/v2/')) return 'problem'
  if (path.startsWith('/platform/')) return 'error'
  const ingest = ['POST /runs', 'POST /runs/batch', 'POST /runs/multipart', 'PATCH /runs/{run_id}']
  return ingest.includes(`${method} ${path}`) ? 'error' : 'detail'
}

async function langsmithOperations(h: Harness): Promise<Operation[]> {
  const operations = await documentedOperations(h.app)
  return operations.filter(({ path }) => !/^\/(?:api\/|livez|readyz|metrics|v1\/|otel)/.test(path))
}

describe('the shape of an error', () => {
  test('is that of the route, whoever refuses: authentication, router, validation or handler', async () => {
    const h = await harness()
    const wrong: unknown[] = []
    for (const { method: verb, path } of await langsmithOperations(h)) {
      const method = verb.toUpperCase() as 'GET'
      const shape = vendorShape(method, path)
      const url = (value: string) => path.replaceAll(/\{\w+\}/g, value)
      const key = { 'x-api-key': h.tenant.secretKey }
      const json = { ...key, 'content-type': 'application/json' }
      const tried = {
        'no key': { url: url(randomUUID()), headers: {} },
        'a malformed path': { url: url('%zz'), headers: key },
        'a path parameter that is too long': { url: url('x'.repeat(4097)), headers: key },
        'an unknown id': { url: url(randomUUID()), headers: key },
        'no JSON': { url: url(randomUUID()), headers: json, payload: '{' },
        'another type': { url: url(randomUUID()), headers: json, payload: '7' },
        'a broken form': {
          url: url(randomUUID()),
          headers: { ...key, 'content-type': multipartType },
          payload: 'x',
        },
      }
      for (const [name, request] of Object.entries(tried)) {
        const answer = await h.app.inject({ method, ...request })
        if (answer.statusCode < 400) continue
        const found = shapeOf(answer.json())
        if (found !== shape) wrong.push([method, path, name, answer.statusCode, answer.body])
      }
    }
    expect(wrong).toEqual([])
  })

  test.each([
    ['GET', '/nowhere', 404, 'detail'],
    ['GET', '/api/v1/nowhere', 404, 'detail'],
    ['GET', '/v1/platform/nowhere', 404, 'error'],
    ['GET', '/platform/datasets/%zz/examples', 400, 'error'],
    ['GET', '/v2/nowhere', 404, 'problem'],
    ['GET', '/v2/runs/%zz', 400, 'problem'],
    ['PUT', '/v2/runs/query', 405, 'problem'],
    ['PUT', '/runs/batch', 405, 'error'],
    ['PUT', '/sessions', 405, 'detail'],
  ] as const)('%s %s is %i in the shape of its neighbours', async (method, url, status, shape) => {
    const h = await harness()
    const answer = await h.call(method, url)
    expect([answer.status, shapeOf(answer.body)]).toEqual([status, shape])
  })

  test('a 422 in the detail shape is a list, even when it is about the whole body', async () => {
    const h = await harness()
    const { status, body } = await h.call('POST', '/sessions', '{')
    expect(status).toBe(422)
    expect(body).toEqual({
      detail: [{ loc: ['body'], msg: 'Invalid JSON', type: 'value_error' }],
    })
  })
})

describe('what is wrong is said in words for people', () => {
  const id = randomUUID()
  const link = { run_id: id, feedback_key: 'k' }
  test.each<['GET' | 'POST' | 'DELETE', string, unknown, [place: string, message: string]]>([
    ['GET', '/sessions?limit=many', undefined, ['limit', 'Input should be a valid number']],
    ['GET', '/sessions?limit=1.5', undefined, ['limit', 'Input should be a valid integer']],
    [
      'GET',
      '/sessions?limit=101',
      undefined,
      ['limit', 'Input should be less than or equal to 100'],
    ],
    [
      'GET',
      '/sessions?offset=-1',
      undefined,
      ['offset', 'Input should be greater than or equal to 0'],
    ],
    [
      'GET',
      '/sessions?include_stats=perhaps',
      undefined,
      ['include_stats', 'Input should be a valid boolean'],
    ],
    [
      'GET',
      '/sessions?stats_start_time=soon',
      undefined,
      ['stats_start_time', 'Input should be a valid datetime'],
    ],
    ['GET', '/sessions?id=x', undefined, ['0', 'Input should be a valid UUID']],
    [
      'GET',
      '/sessions?sort_by_feedback_source=me',
      undefined,
      ['sort_by_feedback_source', "Input should be 'session' or 'run'"],
    ],
    ['POST', '/datasets', {}, ['name', 'Field required']],
    ['POST', '/sessions', { name: 7 }, ['name', 'Input should be a valid string']],
    ['POST', '/runs/query', { id: [null] }, ['0', 'Input should be a valid string']],
    ['POST', '/runs/query', { session: [id, null] }, ['1', 'Input should be a valid string']],
    ['POST', '/runs/query', { is_root: 'x', id: [id] }, ['is_root', 'Input should be a boolean']],
    [
      'POST',
      '/runs/query',
      { error: 'true', id: [id] },
      ['error', 'Input should be a valid boolean'],
    ],
    ['POST', '/runs/query', 'null', ['body', 'Input should be a valid object']],
    ['POST', '/feedback/tokens', {}, ['run_id', 'Field required']],
    [
      'POST',
      '/feedback/tokens',
      [{ ...link, run_id: 'x' }],
      ['run_id', 'Input should be a valid UUID'],
    ],
    ['POST', '/feedback/tokens', 7, ['body', 'Input should be a valid object or a valid list']],
    [
      'POST',
      '/feedback/tokens',
      { ...link, feedback_key: '' },
      ['feedback_key', 'String should have at least 1 characters'],
    ],
    [
      'POST',
      '/feedback',
      { key: 'k', run_id: id, error: 'no' },
      ['error', 'Input should be a valid boolean'],
    ],
    [
      'POST',
      '/feedback',
      { key: 'k', run_id: id, created_at: 'x' },
      ['created_at', 'Input should be a valid datetime'],
    ],
    ['DELETE', '/datasets', undefined, ['dataset_ids', 'Field required']],
  ])('%s %s %j', async (method, url, body, [place, message]) => {
    const h = await harness()
    const answer = await h.call(method, url, body)
    expect(answer.status).toBe(422)
    const found = answer.body.detail.map(({ loc, msg }: { loc: unknown[]; msg: string }) => [
      String(loc.at(-1)),
      msg,
    ])
    expect(found).toContainEqual([place, message])
  })

  test('no refusal of a random value speaks of types of the programming language', async () => {
    const h = await harness()
    const odd: [string, unknown][] = []
    const values = [null, 'x', [null]]
    for (const { method: verb, path, parameters = [], requestBody } of await langsmithOperations(
      h,
    )) {
      const method = verb.toUpperCase() as 'GET'
      const send = async (query: string, body: unknown) => {
        const url = path.replaceAll(/\{\w+\}/g, randomUUID()) + query
        const answer = await h.call(method, url, body)
        if (answer.status === 422 && /, received |NaN|Invalid (?:input|option)/.test(answer.text))
          odd.push([`${method} ${url} ${JSON.stringify(body)}`, answer.text])
      }
      for (const { name, in: place } of parameters) {
        if (place === 'query') await send(`?${name}=%00x`, undefined)
      }
      const { schema } = requestBody?.content['application/json'] ?? {}
      const fields = Object.keys(schema?.['properties'] ?? {})
      for (const value of schema === undefined ? [] : values) {
        await send('', value)
        await send('', Object.fromEntries(fields.map((field) => [field, value])))
      }
    }
    expect(odd).toEqual([])
  })
})
