// npm test: installs first on a fresh clone. Arguments go to vitest.
import { join } from 'node:path'
import { checkNode, install, root, run } from './prepare.mjs'

/**
 * What takes longest: whole servers that are started, killed and replaced, engines of their own, and the page in a browser. CI
 * runs all of them, and so does whoever names them or sets RUNMILL_TEST_ALL=1. A change is tried without them in 3 minutes.
 */
const long = [
  'test/cli/import/**',
  'test/cli/main.test.ts',
  'test/crash.test.ts',
  'test/embedded/**',
  'test/http/expensive-reads.test.ts',
  'test/http/isolation.test.ts',
  'test/http/newer-schema.test.ts',
  'test/http/pages/board.test.ts',
  'test/main.test.ts',
  'test/prices/prices-command.test.ts',
  'test/queue/emptied.test.ts',
  'test/queue/redis-wait.test.ts',
  'test/queue/stalled.test.ts',
  'test/rolling-restart.test.ts',
  'test/secrets.test.ts',
  'test/silent-postgres.test.ts',
  'test/store/pooler.test.ts',
  'test/store/replica.test.ts',
  'test/supervise.test.ts',
  'test/web/**',
  'test/workers/apart.test.ts',
]

checkNode()
await install()
const given = process.argv.slice(2)
const runsAll =
  process.env.RUNMILL_TEST_ALL === '1' || given.some((argument) => argument.startsWith('test/'))
if (!runsAll) {
  console.log('Without the tests that take longest. RUNMILL_TEST_ALL=1 npm test runs them too.')
}
const left = runsAll ? [] : long.flatMap((pattern) => ['--exclude', pattern])
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
process.exitCode = await run(process.execPath, [vitest, 'run', ...given, ...left])
