import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { productVersion } from '../../src/domain/version.ts'
import { comparisonRows, rootRun } from '../support/comparison-rows.ts'
import { harness } from '../support/harness.ts'
import { compiledFile } from '../support/runmill-process.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Starts the command in a process of its own. */
function start(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [compiledFile('src/cli/main.ts'), ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...printed }))
  closing.push(() => child.kill('SIGKILL'))
  return { child, printed, ended }
}

test('without a command, or with one that there is not: 64, with what there is', async () => {
  expect(await start([]).ended).toMatchObject({
    code: 64,
    err: expect.stringMatching(/^runmill compare /),
  })
  expect(await start(['exprot']).ended).toMatchObject({
    code: 64,
    out: '',
    err: expect.stringMatching(/^runmill: There is no command exprot\.\n\nrunmill compare /),
  })
  expect(await start(['-h']).ended).toMatchObject({ code: 0, err: '' })
  expect(await start(['--version']).ended).toMatchObject({ code: 0, out: `${productVersion}\n` })
})

test('runmill tail ends with 0 when it is stopped, and when nobody reads on', async () => {
  const h = await harness()
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const experiment = await rows.experiment(dataset, 'nightly')
  const example = await rows.example(dataset)
  const send = async () => {
    const at = new Date().toISOString()
    await h.ingest(rootRun(experiment, example, { startTime: at, endTime: at }))
  }
  const environment = {
    RUNMILL_URL: await h.listen(),
    RUNMILL_API_KEY: h.tenant.secretKey,
  }
  await send()
  const stopped = start(['tail', 'nightly'], environment)
  await expect.poll(() => stopped.printed.out, { timeout: 60_000 }).toContain('success')
  stopped.child.kill('SIGINT')
  expect(await stopped.ended).toMatchObject({ code: 0, err: '' })

  const unread = start(['tail', 'nightly'], environment)
  await expect.poll(() => unread.printed.out, { timeout: 60_000 }).toContain('success')
  unread.child.stdout.destroy()
  await send()
  expect(await unread.ended).toMatchObject({ code: 0, err: '' })
})

test('an export that is stopped leaves no file behind, and says by its exit code what stopped it', async () => {
  const experiment = { id: 'e', name: 'nightly', dataset_id: 'd', dataset_name: 'questions' }
  let begun = (): void => {}
  const isUnderWay = new Promise<void>((resolve) => {
    begun = resolve
  })
  // A server whose answer has no end.
  const server = createServer((request, response) => {
    if (!request.url!.includes('/rows')) return response.end('{}')
    response.write(`${JSON.stringify({ experiment })}\n`)
    return request.url!.includes('/e/') ? begun() : undefined
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const folder = await mkdtemp(join(tmpdir(), 'runmill-stopped-'))
  const { port } = server.address() as AddressInfo
  const stopped = start(['export', 'nightly', '-o', join(folder, 'x.csv')], {
    RUNMILL_URL: `http://127.0.0.1:${port}`,
    RUNMILL_API_KEY: 'k',
  })
  await isUnderWay
  expect(await readdir(folder)).toEqual(['x.csv.part'])
  stopped.child.kill('SIGTERM')
  expect(await stopped.ended).toMatchObject({ code: 143 })
  expect(await readdir(folder)).toEqual([])
})
