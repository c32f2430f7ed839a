import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { localHome } from '../src/blobs/backends/local.ts'
import { createBlobStore } from '../src/blobs/content-store.ts'
import { createBlobSigner } from '../src/blobs/signing.ts'
import { systemClock } from '../src/domain/clock.ts'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { buildApp } from '../src/http/app.ts'
import { postgresBackend } from '../src/queue/backends/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool } from '../src/store/pool.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { zstdBomb, zstdCompress } from '../test/support/zstd.ts'

/*
 * Peak memory of an API process (no workers, queue in Postgres) that takes POST /runs/multipart: a zstd batch of
 * 20 MB before compression, one after another and several at once; then a zstd bomb.
 *
 * `--queue none` takes the batches and forgets them: what is left is the cost of reading and translating.
 *
 *   npx tsx bench/multipart.ts [--mb 20] [--requests 10] [--at-once 4] [--queue postgres] [--smoke]
 */

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '20' },
    requests: { type: 'string', default: '10' },
    'at-once': { type: 'string', default: '4' },
    queue: { type: 'string', default: 'postgres' },
    smoke: { type: 'boolean', default: false },
    serve: { type: 'string' },
  },
})

const boundary = '77cea93f586b40d48f5b407e3e902db1'

await (values.serve === undefined ? measure() : serve(values.serve))

async function measure(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'runmill-bench-'))
  // As root the server is another user, who cannot enter a 0700 folder.
  await chmod(dataDir, 0o755)
  const postgres = createEmbeddedPostgres({ dataDir })
  const url = await postgres.start()
  const db = openPool(url)
  await migrate(db)
  const { secretKey } = await insertTenant(db)
  const api = fork(import.meta.filename, ['--serve', url, '--queue', values.queue], {
    execArgv: process.execArgv,
  })
  try {
    const [{ port }] = (await once(api, 'message')) as [{ port: number }]
    await report(api, port, secretKey)
  } finally {
    api.kill()
    await once(api, 'exit')
    await closePool(db)
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function report(api: ChildProcess, port: number, secret: string): Promise<void> {
  const megabytes = values.smoke ? 2 : Number(values.mb)
  const requests = values.smoke ? 2 : Number(values.requests)
  const plain = batch(megabytes * 1_000_000)
  const body = await zstdCompress(plain)
  console.log(`batch: ${mb(plain.length)} MB as ${mb(body.length)} MB of zstd`)
  const post = async (bytes: Buffer): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/runs/multipart`, {
      method: 'POST',
      headers: {
        'x-api-key': secret,
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-encoding': 'zstd',
      },
      body: new Uint8Array(bytes),
    })
    await response.arrayBuffer()
    return response.status
  }
  const phase = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const before = await memory(api)
    const start = performance.now()
    const statuses = await run()
    const ms = performance.now() - start
    const { peak, now } = await memory(api)
    console.log(
      `${name}: answers ${String(statuses)}; ${ms.toFixed(0)} ms; RSS MB before ${mb(before.now)}, peak ${mb(peak)}, after ${mb(now)}`,
    )
  }
  await phase('first', async () => post(body))
  await phase(`${requests} in turn`, async () => {
    const statuses = new Set<number>()
    for (let i = 0; i < requests; i++) statuses.add(await post(body))
    return [...statuses]
  })
  const atOnce = Number(values['at-once'])
  await phase(`${atOnce} at once`, async () =>
    Promise.all(Array.from({ length: atOnce }, async () => post(body))),
  )
  await phase('10 GB bomb', async () => post(zstdBomb(80_000)))
}

/** Runs with large inputs and outputs, as Python's client writes them. */
function batch(bytes: number): Buffer {
  const chunks: Buffer[] = []
  for (let size = 0; size < bytes; ) {
    const id = randomUUID()
    const text = Array.from(
      { length: 3000 },
      () => randomBytes(4).toString('hex') + ' the words of a model',
    )
    const main = {
      id,
      trace_id: id,
      name: 'bench',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42Z',
    }
    for (const [suffix, value] of [
      ['', { ...main, dotted_order: `20260121T143542000000Z${id}` }],
      ['.inputs', { text: text.join(' ') }],
      ['.outputs', { text: text.toReversed().join(' ') }],
    ] as const) {
      const json = JSON.stringify(value)
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="post.${id}${suffix}"\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n`
      chunks.push(Buffer.from(`${head}${json}\r\n`))
      size += json.length
    }
  }
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)])
}

/** Bytes: the highest since the last question, and now. */
async function memory(api: ChildProcess): Promise<{ peak: number; now: number }> {
  api.send('memory')
  const [answer] = (await once(api, 'message')) as [{ peak: number; now: number }]
  return answer
}

function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 2 : 0)
}

/** The API process: everything but workers. */
async function serve(url: string): Promise<void> {
  const db = openPool(url)
  const log = { info: () => {}, warn: console.error, error: console.error }
  const queue = postgresBackend({ url, log })
  await queue.start()
  if (values.queue === 'none') queue.enqueue = async () => {}
  const folder = await mkdtemp(join(tmpdir(), 'runmill-bench-blobs-'))
  const incomingFolder = join(folder, 'incoming')
  const parts = {
    db,
    queue,
    blobs: createBlobStore({
      db,
      clock: systemClock,
      log,
      incomingFolder,
      home: localHome(folder),
    }),
    blobSigner: createBlobSigner(randomBytes(32)),
    publicUrl: null,
    clock: systemClock,
    log,
    interactiveWaitMs: 0,
  }
  await parts.blobs.start()
  const app = await buildApp({ ...parts, maxBodyBytes: 20_971_520 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  let peak = 0
  setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10)
  process.on('message', () => {
    const now = process.memoryUsage.rss()
    process.send?.({ peak: Math.max(peak, now), now })
    peak = 0
  })
  process.send?.({ port: (app.server.address() as AddressInfo).port })
}
