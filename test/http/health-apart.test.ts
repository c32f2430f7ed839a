import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { compiledFile } from '../support/runmill-process.ts'

/** A process that serves health apart, and keeps its event loop from turning for as many milliseconds as it is told to. */
async function busyProcess(): Promise<{ url: string; block(ms: number): void }> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-health-'))
  const file = join(folder, 'busy.mjs')
  const module = pathToFileURL(compiledFile('src/http/health/apart.ts')).href
  await writeFile(
    file,
    `import { serveHealthApart } from ${JSON.stringify(module)}
     const health = await serveHealthApart({ host: '127.0.0.1', listenPort: 0, silentMs: 1500, deadMs: 4000 })
     health.report({
       readiness: async () => ({ ready: true, problems: [] }),
       metrics: async () => ({ contentType: 'text/plain', text: 'a 1' }),
     })
     console.log(health.url)
     const nothing = new Int32Array(new SharedArrayBuffer(4))
     process.stdin.on('data', (text) => void Atomics.wait(nothing, 0, 0, Number(text)))`,
  )
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
  })
  return { url, block: (ms) => void child.stdin.write(String(ms)) }
}

test('health is answered while the event loop is busy, and tells when that lasts too long', async () => {
  const { url, block } = await busyProcess()
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(url + path)
    return { status: answer.status, text: await answer.text() }
  }
  await expect.poll(async () => (await get('/readyz')).status).toBe(200)
  expect(await get('/livez')).toEqual({ status: 200, text: '{"status":"ok"}' })
  await expect.poll(async () => get('/metrics')).toEqual({ status: 200, text: 'a 1' })
  expect((await get('/other')).status).toBe(404)
  for (const method of ['POST', 'TRACE', 'PROPFIND']) {
    const [answer] = (await once(request(`${url}/livez`, { method }).end(), 'response')) as [
      IncomingMessage,
    ]
    expect([method, answer.statusCode]).toEqual([method, 405])
    answer.resume()
  }

  block(8000)
  await expect.poll(async () => (await get('/readyz')).status).toBe(503)
  expect((await get('/readyz')).text).toMatch(
    /^\{"ready":false,"problems":\["the event loop has not turned for \d s"\]\}$/,
  )
  // The process answers nothing else now: what comes is from the thread.
  expect((await get('/livez')).status).toBe(200)
  expect(await get('/metrics')).toEqual({ status: 200, text: 'a 1' })
  await expect.poll(async () => (await get('/livez')).status).toBe(503)
  expect((await get('/livez')).text).toContain('has not turned')

  await expect.poll(async () => (await get('/livez')).status).toBe(200)
  await expect.poll(async () => (await get('/readyz')).status).toBe(200)
})
