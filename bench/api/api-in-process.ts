import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { localHome } from '../../src/blobs/backends/local.ts'
import { createBlobStore } from '../../src/blobs/content-store.ts'
import { createBlobSigner } from '../../src/blobs/signing.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { buildApp } from '../../src/http/app.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import type { FreshStore } from '../fresh-store.ts'

/** Runs an API in this process, without workers, which reads do not need. It ends when `use` is done. */
export async function withApi(
  { db, folder }: FreshStore,
  use: (url: string) => Promise<void>,
  pageFolder: string | null = null,
): Promise<void> {
  const queue = inlineBackend()
  await queue.start()
  const log = { info: () => {}, warn: console.error, error: console.error }
  const home = localHome(folder)
  const incomingFolder = join(folder, 'incoming')
  const app = await buildApp({
    progress: null,
    pageFolder,
    metrics: createMetrics(),
    db,
    healthDb: db,
    keysDb: db,
    replica: null,
    queue,
    blobs: createBlobStore({ db, clock: systemClock, log, incomingFolder, home }),
    blobSigner: createBlobSigner(randomBytes(32)),
    publicUrl: null,
    trustProxy: false,
    clock: systemClock,
    log,
    interactiveWaitMs: 0,
    maxBodyBytes: 1_048_576,
    backlogBytes: 1024 ** 3,
    rateLimit: 0,
  })
  try {
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    await use(`http://127.0.0.1:${port}`)
  } finally {
    await app.close()
    await queue.stop()
  }
}
