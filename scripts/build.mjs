// Compiles the programs to dist, and builds the page.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildPage } from './build-page.mjs'
import { bundle } from './bundle.mjs'
import { hashFiles, root, sourceFiles, stampBuild } from './prepare.mjs'

/** Whatever is run of dist: by the scripts here, by the image and by the Helm chart. */
const programs = [
  'src/main.ts',
  'src/http/health/thread.ts',
  'src/cli/main.ts',
  'src/db-migrate.ts',
  'src/prices-cli.ts',
  // What the supervisor imports.
  'src/config.ts',
  'src/embedded/postgres.ts',
]

const hash = hashFiles(sourceFiles())
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })
await bundle(dist, programs)
await buildPage(join(dist, 'page'))
stampBuild(hash)
