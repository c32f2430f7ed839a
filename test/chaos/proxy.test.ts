import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startFaultProxy, type FaultProxy } from '../../chaos/proxy.ts'

/** A server that sends back what it is sent. */
let echo: Server
let proxy: FaultProxy
let client: Socket

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startFaultProxy((echo.address() as AddressInfo).port)
  client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  await proxy.close()
  echo.close()
})

async function echoed(text: string): Promise<string> {
  const answer = once(client, 'data')
  client.write(text)
  return String((await answer)[0])
}

test('passes everything on in both directions, in order', async () => {
  expect(await echoed('one')).toBe('one')
  proxy.delay(30)
  const begun = performance.now()
  expect(await echoed('two')).toBe('two')
  expect(performance.now() - begun).toBeGreaterThan(50)
  proxy.delay(0)
  expect(await echoed('three')).toBe('three')
})

test('what came while it held is passed on when it releases', async () => {
  expect(await echoed('one')).toBe('one')
  proxy.hold()
  const answer = once(client, 'data')
  client.write('two')
  // Longer than a hop on loopback takes.
  const early = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 100))])
  expect(early).toBeUndefined()
  proxy.release()
  expect(String((await answer)[0])).toBe('two')
})

test('a cut connection breaks, and a new one is taken', async () => {
  expect(await echoed('one')).toBe('one')
  const closed = new Promise((resolve) => client.once('close', resolve))
  proxy.cut()
  await closed
  client = connect(proxy.port, '127.0.0.1')
  expect(await echoed('two')).toBe('two')
})

test('half closed towards the client: it sees the end, and its socket is still open for writing', async () => {
  expect(await echoed('one')).toBe('one')
  const ended = once(client.resume(), 'end')
  proxy.halfClose('client')
  await ended
  expect(client.writable).toBe(true)
  expect(client.destroyed).toBe(false)
})
