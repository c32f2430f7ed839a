import { join } from 'node:path'
import { localHome } from './blobs/backends/local.ts'
import { s3Home } from './blobs/backends/s3.ts'
import { createBlobStore } from './blobs/content-store.ts'
import type { BlobStore } from './blobs/store.ts'
import type { Config } from './config.ts'
import type { Clock } from './domain/clock.ts'
import type { Log } from './domain/log.ts'
import { hostOf } from './start-error.ts'
import type { Db } from './store/pool.ts'

/**
 * Makes the blob store that the settings name. It is not started.
 * @returns `where` and `setting` name it and its settings in a sentence
 */
export function createConfiguredBlobs(
  { dataDir, blobsBucket: bucket }: Config,
  services: { db: Db; clock: Clock; log: Log },
): { blobs: BlobStore; where: string; setting: string } {
  const folder = join(dataDir, 'blobs')
  const home = bucket === null ? localHome(folder) : s3Home(bucket)
  const blobs = createBlobStore({ ...services, incomingFolder: join(folder, 'incoming'), home })
  if (bucket === null) return { blobs, where: `the folder ${folder}`, setting: 'RUNMILL_DATA_DIR' }
  const where = `S3 at ${hostOf(bucket.endpoint ?? 'https://amazonaws.com')}`
  return { blobs, where, setting: 'RUNMILL_BLOBS_S3_*' }
}
