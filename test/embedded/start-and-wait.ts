// Starts the embedded server of the given folder, prints its URL and waits to be killed.
import { createEmbeddedPostgres } from '../../src/embedded/postgres.ts'

const url = await createEmbeddedPostgres({ dataDir: process.argv[2]! }).start()
console.log(url)
setInterval(() => {}, 60_000)
