import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'
import { encode, multipartType } from '../../../support/multipart.ts'

const continuous = { type: 'continuous', min: 0, max: 1 }
const categorical = {
  type: 'categorical',
  categories: [
    { value: 1, label: 'yes' },
    { value: 0, label: 'no' },
  ],
}

async function configs(h: Harness, query = ''): Promise<Record<string, unknown>[]> {
  const { status, body } = await h.call('GET', `/feedback-configs?${query}`)
  expect(status).toBe(200)
  return body
}

async function keys(h: Harness, query = ''): Promise<unknown[]> {
  return (await configs(h, query)).map((config) => config.feedback_key)
}

function create(h: Harness, key: string, config: object = continuous, more: object = {}) {
  return h.call('POST', '/feedback-configs', {
    feedback_key: key,
    feedback_config: config,
    ...more,
  })
}

describe('200 POST /feedback-configs', () => {
  test('a config is stored and listed with all its keys', async () => {
    const h = await harness()
    const { status, body } = await create(h, 'fc', categorical, { is_lower_score_better: true })
    expect(status).toBe(200)
    expect(body).toEqual({
      feedback_key: 'fc',
      feedback_config: { ...categorical, min: null, max: null, allows_multiple_categories: false },
      tenant_id: h.tenant.id,
      modified_at: expect.stringMatching(/Z$/),
      is_lower_score_better: true,
      is_enforced: false,
    })
    expect(await configs(h, 'key=fc&limit=100&offset=0')).toEqual([body])
  })

  test('allows_multiple_categories and is_enforced are kept; lists tell enforced configs from others', async () => {
    const h = await harness()
    const many = { ...categorical, allows_multiple_categories: true }
    const { body } = await create(h, 'many', many, { is_enforced: true })
    expect(body).toMatchObject({ feedback_config: many, is_enforced: true })
    await create(h, 'one')
    expect(await configs(h, 'is_enforced=true')).toEqual([body])
    expect(await keys(h, 'is_enforced=false')).toEqual(['one'])
    const single = await h.call('PATCH', '/feedback-configs', {
      feedback_key: 'many',
      feedback_config: categorical,
    })
    expect(single.body).toMatchObject({
      feedback_config: { allows_multiple_categories: false },
      is_enforced: true,
    })
  })

  test('the config that is there becomes the enforced one', async () => {
    const h = await harness()
    await create(h, 'fc', continuous, { is_lower_score_better: true })
    const enforced = await create(h, 'fc', continuous, { is_enforced: true })
    expect(enforced).toMatchObject({ status: 200, body: { is_enforced: true } })
    const again = await create(h, 'fc', continuous, { is_enforced: true })
    expect(again).toMatchObject({ status: 200, body: enforced.body })
    expect((await create(h, 'fc')).body).toEqual(enforced.body)
    expect(await configs(h)).toEqual([enforced.body])
    expect(enforced.body.is_lower_score_better).toBe(true)
  })

  test('a config that is sent again returns the stored one, whatever is_lower_score_better says', async () => {
    const h = await harness()
    const first = await create(h, 'fc', continuous, { is_lower_score_better: true })
    const directions = [true, false, null].map((is) => ({ is_lower_score_better: is }))
    for (const more of [{}, ...directions]) {
      const again = await create(h, 'fc', { max: 1, min: 0, type: 'continuous' }, more)
      expect(again.status).toBe(200)
      expect(again.body).toEqual(first.body)
    }
    expect(await keys(h)).toEqual(['fc'])
  })

  test('many concurrent requests make one config', async () => {
    const h = await harness()
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(h, 'fc')))
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200))
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
  })
})

describe('400 POST /feedback-configs', () => {
  test.each([
    ['another range', { ...continuous, max: 2 }, {}],
    ['another type', { type: 'freeform' }, {}],
    ['another range that is to be enforced', { ...continuous, max: 2 }, { is_enforced: true }],
  ])('%s for the same key is refused and changes nothing', async (_, config, more) => {
    const h = await harness()
    await create(h, 'fc', continuous, { is_lower_score_better: false })
    const before = await configs(h)
    expect((await create(h, 'fc', config, more)).status).toBe(400)
    expect(await configs(h)).toEqual(before)
  })
})

describe('409 POST /feedback-configs', () => {
  test('a key has at most one enforced config', async () => {
    const h = await harness()
    const { body } = await create(h, 'fc', continuous, { is_enforced: true })
    expect((await create(h, 'fc', categorical, { is_enforced: true })).status).toBe(409)
    expect((await create(h, 'fc', categorical)).status).toBe(400)
    expect(await configs(h)).toEqual([body])
  })
})

describe('422 POST /feedback-configs', () => {
  test.each([
    ['no key', { feedback_config: continuous }],
    ['an empty key', { feedback_key: '', feedback_config: continuous }],
    ['a key beyond 180 characters', { feedback_key: 'k'.repeat(181), feedback_config: continuous }],
    ['a key that is no text', { feedback_key: 7, feedback_config: continuous }],
    ['no config', { feedback_key: 'k' }],
    ['an unknown type', { feedback_key: 'k', feedback_config: { type: 'stars' } }],
    ['a huge bound', '{"feedback_key":"k","feedback_config":{"type":"continuous","max":1e999}}'],
    ['bounds the wrong way', { feedback_key: 'k', feedback_config: { ...continuous, min: 2 } }],
    [
      'a category without value',
      { feedback_key: 'k', feedback_config: { type: 'categorical', categories: [{ label: 'x' }] } },
    ],
    [
      'a direction that is no boolean',
      { feedback_key: 'k', feedback_config: continuous, is_lower_score_better: 'no' },
    ],
    [
      'several categories of a scale',
      { feedback_key: 'k', feedback_config: { ...continuous, allows_multiple_categories: true } },
    ],
    [
      'an enforcement that is no boolean',
      { feedback_key: 'k', feedback_config: continuous, is_enforced: 'yes' },
    ],
    ['a list', []],
    ['JSON that nests too deep', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['no JSON', '{'],
  ])('%s is refused', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', '/feedback-configs', body)
    expect(answer.status).toBe(422)
    expect(await keys(h)).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('NUL and lone surrogates in key and labels are stored as U+FFFD', async () => {
    const h = await harness()
    const config = { type: 'categorical', categories: [{ value: 1, label: 'a\0' }] }
    const { body } = await create(h, 'k\0\ud800', config)
    expect(body.feedback_key).toBe('k\ufffd\ufffd')
    expect(body.feedback_config.categories).toEqual([{ value: 1, label: 'a\ufffd' }])
    expect(h.errors).toEqual([])
  })
})

describe('200 GET /feedback-configs', () => {
  test('keys, a substring of the name, order and pages narrow the list', async () => {
    const h = await harness()
    for (const key of ['alpha', 'Beta', 'alphabet']) await create(h, key)
    expect(await keys(h)).toEqual(['alphabet', 'Beta', 'alpha'])
    expect(await keys(h, 'sort_by_desc=False')).toEqual(['alpha', 'Beta', 'alphabet'])
    expect(await keys(h, 'key=alpha&key=Beta&key=gamma')).toEqual(['Beta', 'alpha'])
    expect(await keys(h, 'name_contains=BET')).toEqual(['alphabet', 'Beta'])
    expect(await keys(h, 'limit=1&offset=1&read_after_write=true')).toEqual(['Beta'])
    expect(await keys(h, 'key=unknown')).toEqual([])
  })

  test.each([
    'limit=0',
    'limit=101',
    'offset=-1',
    'sort_by_desc=maybe',
    Array(51).fill('key=k').join('&'),
  ])('422 for %s', async (query) => {
    const h = await harness()
    expect((await h.call('GET', `/feedback-configs?${query}`)).status).toBe(422)
  })
})

describe('PATCH /feedback-configs', () => {
  test('200 changes what is sent; null and absent fields stay', async () => {
    const h = await harness()
    await create(h, 'fc')
    const flipped = await h.call('PATCH', '/feedback-configs', {
      feedback_key: 'fc',
      feedback_config: null,
      is_lower_score_better: true,
    })
    expect(flipped.status).toBe(200)
    expect(flipped.body).toMatchObject({ feedback_config: continuous, is_lower_score_better: true })
    const changed = await h.call('PATCH', '/feedback-configs', {
      feedback_key: 'fc',
      feedback_config: categorical,
    })
    expect(changed.body).toMatchObject({
      feedback_config: categorical,
      is_lower_score_better: true,
    })
    expect(await configs(h)).toEqual([changed.body])
  })

  test('404 for a key without a config, 422 without a key', async () => {
    const h = await harness()
    const unknown = await h.call('PATCH', '/feedback-configs', { feedback_key: 'fc' })
    expect(unknown.status).toBe(404)
    expect(unknown.text).toContain('not found')
    expect((await h.call('PATCH', '/feedback-configs', {})).status).toBe(422)
  })
})

describe('DELETE /feedback-configs', () => {
  test('204: the config is deleted, its feedback stays, and the key can be configured again', async () => {
    const h = await harness()
    await create(h, 'fc')
    await h.call('POST', '/feedback', { run_id: randomUUID(), key: 'fc', score: 1 })
    const gone = await h.call('DELETE', '/feedback-configs?feedback_key=fc')
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect(await keys(h)).toEqual([])
    expect((await h.call('GET', '/feedback?key=fc')).body).toHaveLength(1)
    expect((await h.call('PATCH', '/feedback-configs', { feedback_key: 'fc' })).status).toBe(404)
    const anew = await create(h, 'fc', categorical)
    expect(anew.status).toBe(200)
    expect(anew.body).toMatchObject({ feedback_config: categorical, is_lower_score_better: false })
  })

  test('404 for a key without a config and for a second deletion; 422 without a key', async () => {
    const h = await harness()
    await create(h, 'fc')
    await h.call('DELETE', '/feedback-configs?feedback_key=fc')
    expect((await h.call('DELETE', '/feedback-configs?feedback_key=fc')).status).toBe(404)
    expect((await h.call('DELETE', '/feedback-configs')).status).toBe(422)
  })
})

describe('feedback that includes a config', () => {
  test.each(['feedback_config', 'feedbackConfig'])(
    'the first config under %s configures the key, and later ones change nothing',
    async (name) => {
      const h = await harness()
      const give = (config: object) =>
        h.call('POST', '/feedback', { run_id: randomUUID(), key: 'k', score: 1, [name]: config })
      expect((await give(continuous)).status).toBe(200)
      expect((await give(categorical)).status).toBe(200)
      expect(await configs(h)).toEqual([
        {
          feedback_key: 'k',
          feedback_config: { ...continuous, categories: null, allows_multiple_categories: false },
          tenant_id: h.tenant.id,
          modified_at: expect.any(String),
          is_lower_score_better: false,
          is_enforced: false,
        },
      ])
    },
  )

  test('a change of feedback configures its key too', async () => {
    const h = await harness()
    const { body } = await h.call('POST', '/feedback', { run_id: randomUUID(), key: 'k', score: 1 })
    const { status } = await h.call('PATCH', `/feedback/${body.id}`, {
      score: 0.5,
      feedback_config: continuous,
    })
    expect(status).toBe(200)
    expect(await keys(h)).toEqual(['k'])
  })

  test('feedback in a part of a multipart body does so too', async () => {
    const h = await harness()
    const value = JSON.stringify({ run_id: randomUUID(), key: 'k', feedback_config: continuous })
    const response = await h.app.inject({
      method: 'POST',
      url: '/runs/multipart',
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
      payload: encode([{ name: `feedback.${randomUUID()}`, value }]),
    })
    expect(response.statusCode).toBe(202)
    expect(await keys(h)).toEqual(['k'])
  })

  test('a key that may only send scores configures nothing', async () => {
    const h = await harness()
    await h.db`update api_keys set scopes = '{scores}'`
    const given = { run_id: randomUUID(), key: 'k', score: 1, feedback_config: continuous }
    expect((await h.call('POST', '/feedback', given)).status).toBe(200)
    const rows = await h.db`select key from feedback_configs`
    expect(rows).toHaveLength(0)
  })

  test('422 for an invalid config, and the feedback is not stored', async () => {
    const h = await harness()
    const { status, text } = await h.call('POST', '/feedback', {
      run_id: randomUUID(),
      key: 'k',
      feedback_config: { type: 'stars' },
    })
    expect(status).toBe(422)
    expect(text).toContain('feedback_config')
    await h.drain()
    expect((await h.call('GET', '/feedback')).body).toEqual([])
  })
})

describe('feedback under an enforced config', () => {
  const scale = { type: 'continuous', min: 0, max: 5 }

  test.each<[string, object, object, number]>([
    ['a score below the range', scale, { score: -1 }, 422],
    ['a score above the range', scale, { score: 5.5 }, 422],
    ['a score at the end of the range', scale, { score: 5 }, 200],
    ['a boolean within the range', scale, { score: true }, 200],
    ['no score', scale, { comment: 'c' }, 200],
    ['any score of an open range', { type: 'continuous' }, { score: 1e9 }, 200],
    ['a score of no category', categorical, { score: 0.5 }, 422],
    ['a label of no category', categorical, { value: 'maybe' }, 422],
    ['score and label of a category', categorical, { score: 1, value: 'yes' }, 200],
    ['anything where the text is free', { type: 'freeform' }, { score: -7, value: 'x' }, 200],
  ])('%s', async (_, config, opinion, expected) => {
    const h = await harness()
    await create(h, 'fc', config, { is_enforced: true })
    const given = { run_id: randomUUID(), key: 'fc', ...opinion }
    const answer = await h.call('POST', '/feedback', given)
    expect(answer.status).toBe(expected)
    if (expected === 422) expect(answer.text).toContain('by the enforced config of its key')
    await h.drain()
    expect((await h.call('GET', '/feedback')).body).toHaveLength(expected === 200 ? 1 : 0)
  })

  test('changes, links and multipart bodies keep to it too; what is right in a body is stored', async () => {
    const h = await harness()
    await create(h, 'fc', scale, { is_enforced: true })
    const runId = randomUUID()
    const right = await h.call('POST', '/feedback', { run_id: runId, key: 'fc', score: 3 })
    const change = await h.call('PATCH', `/feedback/${right.body.id}`, { score: 6 })
    expect(change.status).toBe(422)
    const link = await h.call('POST', '/feedback/tokens', { run_id: runId, feedback_key: 'fc' })
    const { pathname } = new URL(link.body.url)
    expect((await h.call('POST', pathname, { score: 6 })).status).toBe(422)
    const sent = [4, 6].map((score) => ({
      name: `feedback.${randomUUID()}`,
      value: JSON.stringify({ run_id: runId, key: 'fc', score }),
    }))
    const body = await h.app.inject({
      method: 'POST',
      url: '/runs/multipart',
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
      payload: encode(sent),
    })
    expect(body.statusCode).toBe(422)
    expect(body.body).toContain(sent[1]!.name)
    await h.drain()
    const { body: stored } = await h.call('GET', '/feedback')
    expect(stored.map(({ score }: { score: number }) => score)).toEqual([4, 3])
  })

  test('a config that is not enforced refuses no feedback', async () => {
    const h = await harness()
    await create(h, 'fc', scale)
    const given = { run_id: randomUUID(), key: 'fc', score: 6 }
    expect((await h.call('POST', '/feedback', given)).status).toBe(200)
  })
})

test('no tenant can see or change the configs of another, or is hindered by them', async () => {
  const h = await harness()
  await create(h, 'fc')
  const other = await h.addTenant()
  expect((await h.callAs(other, 'GET', '/feedback-configs')).body).toEqual([])
  expect((await h.callAs(other, 'DELETE', '/feedback-configs?feedback_key=fc')).status).toBe(404)
  const change = { feedback_key: 'fc', is_lower_score_better: true }
  expect((await h.callAs(other, 'PATCH', '/feedback-configs', change)).status).toBe(404)
  const own = { feedback_key: 'fc', feedback_config: categorical }
  expect((await h.callAs(other, 'POST', '/feedback-configs', own)).status).toBe(200)
  expect((await configs(h))[0]).toMatchObject({ feedback_config: continuous })
})
