import { createEmbeddedPostgres } from './src/embedded/postgres.ts'
import { spawnSync } from 'node:child_process'
const e = createEmbeddedPostgres({ dataDir: '/tmp/w/imgpg' })
const url = await e.start()
const r = spawnSync('node', ['.ci/image.mjs'], { stdio: 'inherit', env: { ...process.env, DATABASE_URL: url } })
console.log('status', r.status)
await e.stop()
