import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { localHome } from '../../src/blobs/backends/local.ts'
import { createBlobStore } from '../../src/blobs/content-store.ts'
import { createBlobSigner } from '../../src/blobs/signing.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { buildApp } from '../../src/http/app.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { openPool } from '../../src/store/pool.ts'

/*
 * The process whose memory is measured: an API without workers, with its queue in Postgres. api-process.ts forks it
 * with the URL of the database, a folder for blobs, and, as third argument, `none` to forget what would be queued.
 */

const [url = '', folder = '', queueName] = process.argv.slice(2)
const db = openPool(url)
const log = { info: () => {}, warn: console.error, error: console.error }
const queue = postgresBackend({ url, log })
await queue.start()
if (queueName === 'none') queue.enqueue = async () => 0
const blobs = createBlobStore({
  db,
  clock: systemClock,
  log,
  incomingFolder: join(folder, 'incoming'),
  home: localHome(folder),
})
await blobs.start()
const app = await buildApp({
  progress: null,
  pageFolder: null,
  metrics: createMetrics(),
  db,
  healthDb: db,
  keysDb: db,
  replica: null,
  queue,
  blobs,
  blobSigner: createBlobSigner(randomBytes(32)),
  publicUrl: null,
  trustProxy: false,
  clock: systemClock,
  log,
  interactiveWaitMs: 0,
  maxBodyBytes: 20_971_520,
  backlogBytes: 1024 ** 3,
  rateLimit: 0,
})
await app.listen({ host: '127.0.0.1', port: 0 })
let peak = 0
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10)
process.on('message', () => {
  const now = process.memoryUsage.rss()
  process.send?.({ peak: Math.max(peak, now), now })
  peak = 0
})
process.send?.({ port: (app.server.address() as AddressInfo).port })
