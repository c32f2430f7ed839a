// npm start: installs and builds first on a fresh clone, and then keeps the server running.
// package.json says `exec node …`, so that npm's shell is replaced by this process: the shell would die of a signal
// that npm passes on, and would not pass it to us.
import { join } from 'node:path'
import { build, checkNode, install, root } from './prepare.mjs'
import { supervise } from './supervise.mjs'

checkNode()
await install()
await build()
await supervise(join(root, 'dist'))
