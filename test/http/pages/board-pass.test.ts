import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { boardPath, createBoardPasses } from '../../../src/http/pages/board-pass.ts'
import { harness } from '../../support/harness.ts'

const request = (protocol: string, cookie?: string) =>
  ({ protocol, headers: cookie === undefined ? {} : { cookie } }) as FastifyRequest

test('a pass lasts for a quarter of an hour, in every process of an installation', async () => {
  const h = await harness()
  const [one, other] = [createBoardPasses(h), createBoardPasses(h)]
  const { setCookie, seconds } = await one.issue(request('http'))
  const cookie = `theme=dark; ${setCookie.split(';')[0]!}; more=1`
  expect(await other.isHeldBy(request('http', cookie))).toBe(true)
  expect(await other.isHeldBy(request('http'))).toBe(false)
  h.clock.advance((seconds - 5) * 1000)
  expect(await other.isHeldBy(request('http', cookie))).toBe(true)
  h.clock.advance(5000)
  expect(await other.isHeldBy(request('http', cookie))).toBe(false)
})

test('over TLS a pass goes out over TLS alone', async () => {
  const h = await harness()
  const passes = createBoardPasses(h)
  const attributes = `; Path=${boardPath}; Max-Age=900; HttpOnly; SameSite=Strict`
  expect((await passes.issue(request('http'))).setCookie).toMatch(new RegExp(`${attributes}$`))
  expect((await passes.issue(request('https'))).setCookie).toMatch(
    new RegExp(`${attributes}; Secure$`),
  )
})
