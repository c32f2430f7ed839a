// Compiles the programs to dist, and builds the page.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildPage } from './build-page.mjs'
import { bundle } from './bundle.mjs'
import { hashFiles, root, sourceFiles, stampBuild } from './prepare.mjs'

const hash = hashFiles(sourceFiles())
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })
await bundle(dist)
await buildPage(join(dist, 'page'))
stampBuild(hash)
