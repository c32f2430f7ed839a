// A process of its own that takes ingest jobs and never finishes them. Its arguments are backend, URL and namespace.
// It prints the id of each batch that it holds.
import { hasProcessEnded, nameThisProcess } from '../../src/embedded/process-identity.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { handlers } from './handlers.ts'

const [kind, url = '', namespace = ''] = process.argv.slice(2)
const owner = { id: await nameThisProcess(), hasEnded: hasProcessEnded }
const queue = (kind === 'redis' ? redisBackend : postgresBackend)({ url, namespace, owner })
await queue.start()
await queue.work(
  handlers({
    ingest: ({ batchId }) => {
      process.stdout.write(`${batchId}\n`)
      return new Promise(() => {})
    },
  }),
)
