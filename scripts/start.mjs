// npm start: installs and builds first on a fresh clone.
// package.json says `exec node …`, so that npm's shell is replaced by this process: the shell would die of a signal
// that npm passes on, and would not pass it to us.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, checkNode, install, root } from './prepare.mjs'

checkNode()
await install()
await build()
// Runs in this very process, so that a signal to it is a signal to the server, and its exit code is npm's.
await import(pathToFileURL(join(root, 'dist', 'src', 'main.js')).href)
