import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { readBack } from '../../src/http/answer-time.ts'

const services = { interactiveWaitMs: 0 }
const begun = (): FastifyRequest => ({ begunAt: performance.now() }) as FastifyRequest

test('what was accepted is answered with what is stored, or without it when the database is away or slow', async () => {
  const away = Object.assign(new Error('No answer'), { code: 'STATEMENT_TIMEOUT' })
  const [stored, none, lost, slow] = await Promise.all([
    readBack(services, begun(), Promise.resolve<string | null>('stored'), 'sent'),
    readBack(services, begun(), Promise.resolve<string | null>(null), 'sent'),
    readBack(services, begun(), Promise.reject<string>(away), 'sent'),
    readBack(services, begun(), new Promise<string>(() => {}), 'sent'),
  ])
  expect([stored, none, lost, slow]).toEqual(['stored', null, 'sent', 'sent'])
  const mistake = new TypeError('a mistake of ours')
  await expect(readBack(services, begun(), Promise.reject(mistake), 'sent')).rejects.toBe(mistake)
})
