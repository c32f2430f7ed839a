// npm run demo: fills a running server with a dataset, experiments, traces and scores to look at.
import { join } from 'node:path'
import { checkNode, install, root, run } from './prepare.mjs'

checkNode()
await install()
process.exitCode = await run(process.execPath, [
  '--import',
  'tsx',
  join(root, 'scripts', 'demo', 'main.ts'),
])
