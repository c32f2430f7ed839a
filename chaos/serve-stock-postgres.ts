import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStockPostgres } from './stock-postgres.ts'

/*
 * Runs an empty Postgres with its default settings until it is told to stop, and prints its URL.
 *
 *   npx tsx chaos/serve-stock-postgres.ts VERSION
 */

const folder = await mkdtemp(join(tmpdir(), 'runmill-stock-'))
await chmod(folder, 0o755)
const options = { version: Number(process.argv[2]), hasOwnDisk: false }
const server = await startStockPostgres(folder, options)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void server.stop().then(async () => rm(folder, { recursive: true, force: true }))
    clearInterval(waiting)
  })
}
const waiting = setInterval(() => {}, 60_000)
console.log(server.url)
