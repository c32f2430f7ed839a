// Compiles TypeScript to dist, copies the SQL beside it, because tsc leaves that out, and builds the page.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildPage } from './build-page.mjs'
import { hashFiles, root, run, sourceFiles, stampBuild } from './prepare.mjs'

const hash = hashFiles(sourceFiles())
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })

const code = await run(process.execPath, [
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '-p',
  'tsconfig.build.json',
])
if (code !== 0) process.exit(code)

for (const folder of ['migrations', join('src', 'store', 'sql')]) {
  cpSync(join(root, folder), join(dist, folder), { recursive: true })
}
await buildPage(join(dist, 'page'))
stampBuild(hash)
