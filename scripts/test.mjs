// npm test: installs first on a fresh clone. Arguments go to vitest.
import { join } from 'node:path'
import { checkNode, install, root, run } from './prepare.mjs'

checkNode()
await install()
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
process.exitCode = await run(process.execPath, [vitest, 'run', ...process.argv.slice(2)])
