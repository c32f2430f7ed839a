import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const path = '/api/public/score-configs'
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const categories = [
  { label: 'good', value: 1 },
  { label: 'bad', value: 0 },
]

async function made(h: Harness, body: object) {
  const answer = await h.call('POST', path, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

describe('200', () => {
  test('a config answers with every key, and reads back the same', async () => {
    const h = await harness()
    const config = await made(h, {
      name: 'Ünit_1 (a.b-c)',
      dataType: 'NUMERIC',
      minValue: -1.5,
      maxValue: 2,
      description: 'd',
    })
    expect(config).toEqual({
      id: expect.any(String),
      name: 'Ünit_1 (a.b-c)',
      dataType: 'NUMERIC',
      isArchived: false,
      description: 'd',
      minValue: -1.5,
      maxValue: 2,
      categories: null,
      projectId: h.tenant.id,
      createdAt: expect.stringMatching(iso),
      updatedAt: config.createdAt,
    })
    expect((await h.call('GET', `${path}/${config.id}`)).body).toEqual(config)
  })

  test('null counts as absent', async () => {
    const h = await harness()
    const nulls = { minValue: null, maxValue: null, categories: null, description: null }
    expect(await made(h, { name: 'n', dataType: 'TEXT', ...nulls })).toMatchObject(nulls)
  })

  test('a BOOLEAN config gets its categories, a CATEGORICAL one keeps its own', async () => {
    const h = await harness()
    expect((await made(h, { name: 'b', dataType: 'BOOLEAN' })).categories).toEqual([
      { label: 'True', value: 1 },
      { label: 'False', value: 0 },
    ])
    const own = await made(h, { name: 'c', dataType: 'CATEGORICAL', categories })
    expect(own.categories).toEqual(categories)
  })

  test('configs are listed newest first, page by page, including archived ones', async () => {
    const h = await harness()
    for (const name of ['a', 'b', 'c']) await made(h, { name, dataType: 'NUMERIC' })
    const { body } = await h.call('GET', `${path}?limit=2`)
    expect(body.meta).toEqual({ page: 1, limit: 2, totalItems: 3, totalPages: 2 })
    expect(body.data.map((config: { name: string }) => config.name)).toEqual(['c', 'b'])
    await h.call('PATCH', `${path}/${body.data[0].id}`, { isArchived: true })
    const second = await h.call('GET', `${path}?limit=2&page=2`)
    expect(second.body.data.map((config: { name: string }) => config.name)).toEqual(['a'])
    expect(second.body.meta.totalItems).toBe(3)
  })

  test('a change keeps what it does not name; null clears only the bounds and the description', async () => {
    const h = await harness()
    const config = await made(h, {
      name: 'n',
      dataType: 'NUMERIC',
      minValue: 0,
      maxValue: 1,
      description: 'd',
    })
    const url = `${path}/${config.id}`
    const archived = await h.call('PATCH', url, { isArchived: true, dataType: 'TEXT' })
    expect(archived.body).toEqual({
      ...config,
      isArchived: true,
      updatedAt: expect.stringMatching(iso),
    })
    expect(archived.body.updatedAt).not.toBe(config.updatedAt)
    const cleared = await h.call('PATCH', url, {
      name: null,
      isArchived: null,
      categories: null,
      minValue: null,
      description: null,
    })
    expect(cleared.body).toMatchObject({
      name: 'n',
      isArchived: true,
      minValue: null,
      maxValue: 1,
      description: null,
    })
    expect((await h.call('GET', url)).body).toEqual(cleared.body)
  })
})

describe('400', () => {
  test.each([
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['36 characters', { name: 'x'.repeat(36) }],
    ['a name with a slash', { name: 'a/b' }],
    ['a name with NUL', { name: 'a\u0000' }],
    ['no type', { dataType: undefined }],
    ['a type that has no configs', { dataType: 'CORRECTION' }],
    ['bounds the wrong way round', { minValue: 1, maxValue: 0 }],
    ['equal bounds', { minValue: 1, maxValue: 1 }],
    ['a string as bound', { minValue: '1' }],
    ['bounds of labels', { dataType: 'CATEGORICAL', categories, minValue: 0 }],
    ['categories of numbers', { categories }],
    ['categories of one boolean', { dataType: 'BOOLEAN', categories }],
    ['no categories of labels', { dataType: 'CATEGORICAL' }],
    ['an empty list of categories', { dataType: 'CATEGORICAL', categories: [] }],
    [
      'a label twice',
      { dataType: 'CATEGORICAL', categories: [...categories, { label: 'good', value: 2 }] },
    ],
    [
      'a value twice',
      { dataType: 'CATEGORICAL', categories: [...categories, { label: 'other', value: 1 }] },
    ],
    ['a category without value', { dataType: 'CATEGORICAL', categories: [{ label: 'x' }] }],
  ])('%s is refused, and nothing is stored', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', path, { name: 'n', dataType: 'NUMERIC', ...body })
    expect(answer.status, answer.text).toBe(400)
    expect(answer.body).toEqual({ message: expect.any(String), error: expect.anything() })
    expect((await h.call('GET', path)).body.data).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('a change that would make the config invalid is refused, and changes nothing', async () => {
    const h = await harness()
    const config = await made(h, { name: 'n', dataType: 'NUMERIC', minValue: 0, maxValue: 1 })
    const url = `${path}/${config.id}`
    for (const body of [{ minValue: 2 }, { categories }, { name: '' }, { isArchived: 'yes' }]) {
      const answer = await h.call('PATCH', url, body)
      expect(answer.status, answer.text).toBe(400)
    }
    expect((await h.call('GET', url)).body).toEqual(config)
  })

  test('a change of nothing is refused, and touches nothing', async () => {
    const h = await harness()
    const config = await made(h, { name: 'n', dataType: 'NUMERIC' })
    h.clock.advance(1000)
    for (const body of [{}, { unheard: 1 }]) {
      const answer = await h.call('PATCH', `${path}/${config.id}`, body)
      expect(answer).toMatchObject({
        status: 400,
        body: {
          message: 'Invalid request data',
          error: [
            {
              code: 'custom',
              path: [],
              message:
                'Request body cannot be empty. At least one field must be provided for update.',
            },
          ],
        },
      })
    }
    expect((await h.call('GET', `${path}/${config.id}`)).body).toEqual(config)
  })

  test('fields of a new config that do not suit each other are an issue, those of a change are not', async () => {
    const h = await harness()
    const bounds = { minValue: 2, maxValue: 1 }
    const answer = await h.call('POST', path, { name: 'n', dataType: 'NUMERIC', ...bounds })
    const message = 'Maximum value must be greater than Minimum value'
    expect(answer.body).toEqual({
      message: 'Invalid request data',
      error: [{ code: 'custom', path: [], message }],
    })
    const repeated = await h.call('POST', path, {
      name: 'n',
      dataType: 'CATEGORICAL',
      categories: [...categories, { label: 'good', value: 2 }],
    })
    expect(repeated.body.error).toEqual([
      {
        code: 'custom',
        path: ['categories'],
        message: 'Duplicate category label: good, category labels must be unique',
      },
    ])
    const { id } = await made(h, { name: 'n', dataType: 'NUMERIC' })
    const change = await h.call('PATCH', `${path}/${id}`, bounds)
    expect(change.body).toEqual({ message, error: 'InvalidRequestError' })
  })

  test.each(['limit=0', 'limit=101', 'page=0', 'page=x'])(
    'a list with %s is refused',
    async (query) => {
      const h = await harness()
      expect((await h.call('GET', `${path}?${query}`)).status).toBe(400)
    },
  )
})

describe('403', () => {
  test('the public key alone can neither create, read nor change a config', async () => {
    const h = await harness()
    const headers = { authorization: `Bearer ${h.tenant.publicKey}` }
    const body = { name: 'n', dataType: 'NUMERIC' }
    expect((await h.call('POST', path, body, headers)).status).toBe(403)
    expect((await h.call('GET', path, undefined, headers)).status).toBe(403)
  })
})

describe('404', () => {
  test.each(['nothing', '00000000-0000-4000-8000-000000000000', '%00'])(
    'config %s is not found',
    async (id) => {
      const h = await harness()
      for (const method of ['GET', 'PATCH'] as const) {
        const body = method === 'PATCH' ? { isArchived: true } : undefined
        const answer = await h.call(method, `${path}/${id}`, body)
        expect([answer.status, answer.body]).toEqual([
          404,
          {
            message: 'Score config not found within authorized project',
            error: 'LangfuseNotFoundError',
          },
        ])
      }
    },
  )
})
