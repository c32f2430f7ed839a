import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

const path = '/api/runmill/score-directions'

async function correctOf(h: Harness, candidate: string, body: object = {}) {
  const asked = { candidates: [candidate], ...body }
  const answer = await h.call('POST', '/api/runmill/compare', asked)
  return answer.body.comparisons[0].measures[0]
}

const rising = [once(1, 2, 3, 4, 5, 6), once(2, 4, 5, 6, 8, 8)] as const

describe('200', () => {
  test('what was said once counts for every comparison, until it is forgotten', async () => {
    const h = await harness()
    const f = await twoExperiments(h, ...rising)
    expect(await correctOf(h, f.candidate)).toMatchObject({
      direction: 'higher',
      direction_source: 'assumed',
      verdict: 'better',
    })
    const said = { key: 'correct', direction: 'lower' }
    expect(await h.call('PUT', path, said)).toMatchObject({ status: 200, body: said })
    expect(await correctOf(h, f.candidate)).toMatchObject({
      direction: 'lower',
      direction_source: 'stored',
      better: 0,
      worse: 6,
      verdict: 'worse',
    })
    expect((await h.call('GET', path)).body).toEqual({
      directions: [{ ...said, source: 'stored' }],
    })
    await h.call('PUT', path, { key: 'correct', direction: null })
    expect((await h.call('GET', path)).body).toEqual({ directions: [] })
    expect((await correctOf(h, f.candidate)).direction_source).toBe('assumed')
  })

  test('a request outweighs what is stored, which outweighs a config; a config that says higher says nothing', async () => {
    const h = await harness()
    const f = await twoExperiments(h, ...rising)
    const config = { feedback_key: 'correct', feedback_config: { type: 'continuous' } }
    await h.call('POST', '/feedback-configs', { ...config, is_lower_score_better: false })
    expect((await correctOf(h, f.candidate)).direction_source).toBe('assumed')
    const lower = { feedback_key: 'correct', is_lower_score_better: true }
    await h.call('PATCH', '/feedback-configs', lower)
    expect(await correctOf(h, f.candidate)).toMatchObject({
      direction: 'lower',
      direction_source: 'config',
    })
    expect((await h.call('GET', path)).body.directions).toEqual([
      { key: 'correct', direction: 'lower', source: 'config' },
    ])
    await h.call('PUT', path, { key: 'correct', direction: 'higher' })
    expect(await correctOf(h, f.candidate)).toMatchObject({
      direction: 'higher',
      direction_source: 'stored',
    })
    expect(await correctOf(h, f.candidate, { directions: { correct: 'lower' } })).toMatchObject({
      direction: 'lower',
      direction_source: 'request',
      verdict: 'worse',
    })
  })

  test('it also chooses and sorts rows, and keys may hold anything', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 1, 0), once(0, 1, 1))
    await h.call('PUT', path, { key: 'correct', direction: 'lower' })
    const { body } = await h.call('POST', '/api/runmill/compare', {
      candidates: [f.candidate],
      change: { measure: 'correct', is: ['improved'] },
    })
    expect(body.rows.map((row: { example_id: string }) => row.example_id)).toEqual([f.examples[0]])
    const odd = { key: '__proto__/a b%2F', direction: 'lower' }
    expect((await h.call('PUT', path, odd)).body).toEqual(odd)
  })

  test('of one tenant it says nothing to another', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await h.callAs(other, 'PUT', path, { key: 'correct', direction: 'lower' })
    expect((await h.call('GET', path)).body).toEqual({ directions: [] })
  })
})

test('422 for another direction, without a key, and for more keys than anybody has', async () => {
  const h = await harness()
  expect(await h.call('PUT', path, { key: 'a', direction: 'up' })).toMatchObject({ status: 422 })
  expect(await h.call('PUT', path, { key: '', direction: 'lower' })).toMatchObject({ status: 422 })
  await h.db`insert into score_directions (tenant_id, key, is_lower_better, updated_at)
    select ${h.tenant.id}, n::text, true, now() from generate_series(1, 2000) as n`
  expect(await h.call('PUT', path, { key: 'a', direction: 'lower' })).toMatchObject({ status: 422 })
  expect(await h.call('PUT', path, { key: '7', direction: 'higher' })).toMatchObject({
    status: 200,
  })
})
