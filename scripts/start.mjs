// npm start: on a fresh clone installs and builds first.
// package.json says `exec node …`, so that npm's shell steps aside: it would die of a signal that npm passes on, and keep
// it from us.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, checkNode, install, root } from './prepare.mjs'

checkNode()
await install()
await build()
// In this very process: a signal to it is a signal to the server, and its exit code is npm's.
await import(pathToFileURL(join(root, 'dist', 'src', 'main.js')).href)
