import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

const base = '/api/public'
const traceId = '0af7651916cd43dd8448eb211c80319c'

async function post(h: Harness, list: unknown, headers?: Record<string, string>) {
  const answer = await h.call('POST', `${base}/scores`, list, headers)
  await h.drain()
  return answer
}

async function stored(h: Harness): Promise<({ id: string } & Record<string, unknown>)[]> {
  const { body } = await h.call('GET', `${base}/v2/scores`)
  return body.data
}

const score = (id: string, more: object = {}) => ({ id, name: id, value: 1, traceId, ...more })

describe('202', () => {
  test('what Python 5 sends is stored, at the time that each score tells', async () => {
    const h = await harness()
    const sent = [
      {
        id: 'a1',
        name: 'acc',
        value: 0.5,
        dataType: 'NUMERIC',
        comment: 'c',
        metadata: { z: 1 },
        traceId,
        observationId: 'b7ad6b7169203331',
        environment: 'sdk-experiment',
        timestamp: '2026-01-21T14:35:42.123456+02:00',
      },
      { id: 'a2', name: 'verdict', value: 'good', dataType: 'CATEGORICAL', sessionId: 's' },
      { id: 'a3', name: 'ok', value: 1, dataType: 'BOOLEAN', datasetRunId: 'f424aa36dd75786d' },
    ]
    const answer = await post(h, sent)
    expect([answer.status, answer.body]).toEqual([202, { message: 'Accepted' }])
    const scores = Object.fromEntries((await stored(h)).map((one) => [one.id, one]))
    expect(scores).toMatchObject({
      a1: {
        value: 0.5,
        comment: 'c',
        metadata: { z: 1 },
        traceId,
        observationId: 'b7ad6b7169203331',
        environment: 'sdk-experiment',
        timestamp: '2026-01-21T12:35:42.123Z',
        source: 'API',
      },
      a2: { stringValue: 'good', sessionId: 's' },
      a3: { stringValue: 'True', datasetRunId: 'f424aa36dd75786d' },
    })
  })

  test('a list that is sent again changes nothing, and one that is empty stores nothing', async () => {
    const h = await harness()
    const sent = [score('a', { timestamp: '2026-01-21T14:35:42Z' }), score('b')]
    await post(h, sent)
    const before = await stored(h)
    h.clock.advance(60_000)
    expect((await post(h, sent)).status).toBe(202)
    const after = await stored(h)
    for (const [i, one] of before.entries()) {
      expect(after[i]).toEqual({ ...one, updatedAt: expect.any(String) })
    }
    expect((await post(h, [])).status).toBe(202)
    expect(await stored(h)).toHaveLength(2)
  })

  test('a single score may tell its time as well', async () => {
    const h = await harness()
    const answer = await post(h, score('a', { timestamp: '2026-01-21T14:35:42.5Z' }))
    expect([answer.status, answer.body]).toEqual([200, { id: 'a' }])
    expect(await stored(h)).toMatchObject([{ timestamp: '2026-01-21T14:35:42.500Z' }])
  })

  test('the public key alone can send a list', async () => {
    const h = await harness()
    const authorization = `Bearer ${h.tenant.publicKey}`
    expect((await post(h, [score('a')], { authorization })).status).toBe(202)
    expect(await stored(h)).toHaveLength(1)
  })
})

describe('207', () => {
  test('bad scores are counted and told of, and do not hold up the others', async () => {
    const h = await harness()
    const config = await h.call('POST', `${base}/score-configs`, {
      name: 'n',
      dataType: 'NUMERIC',
      maxValue: 1,
    })
    const bad = [
      7,
      null,
      score('no-subject', { traceId: undefined }),
      score('evaluator', { source: 'EVAL' }),
      score('time', { timestamp: 'yesterday' }),
      score('return\r'),
      score('high', { value: 2, configId: config.body.id }),
      score('huge', { configId: 'nothing' }),
    ]
    const answer = await post(h, [score('a'), ...bad, score('b')])
    expect(answer.status).toBe(207)
    expect(answer.body).toMatchObject({ accepted: 2, rejected: bad.length })
    const messages = answer.body.errors.map(({ message }: { message: string }) => message)
    expect(messages).toHaveLength(bad.length)
    expect(messages[2]).toMatch(/^Score 3: traceId\..*Provide exactly one/)
    expect(messages[4]).toBe('Score 5: timestamp: Invalid ISO datetime')
    expect(messages[6]).toBe('Score 7: Value exceeds maximum value of 1 based on config')
    expect((await stored(h)).map(({ id }) => id).toSorted()).toEqual(['a', 'b'])
    expect(h.errors).toEqual([])
  })
})
