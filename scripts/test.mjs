// npm test: installs first on a fresh clone. Arguments go to vitest.
import { join } from 'node:path'
import { checkNode, install, root, run } from './prepare.mjs'

/**
 * What takes longest: servers and engines that are started, killed and replaced, and the page in a browser. CI runs all of them,
 * and so does whoever names a file or sets RUNMILL_TEST_ALL=1.
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
  'test/sdk/*/js/**',
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
/** Options of vitest that are followed by a value. */
const valued = ['--exclude', '--maxWorkers', '--outputFile', '--project', '--reporter', '--shard']
const namesFiles = given.some((each, i) => !each.startsWith('-') && !valued.includes(given[i - 1]))
// The name of a test, which follows -t, counts as well: it may be in any file.
const runsAll = process.env.RUNMILL_TEST_ALL === '1' || namesFiles
if (!runsAll) {
  console.log('Without the tests that take longest. RUNMILL_TEST_ALL=1 npm test runs them too.')
}
const left = runsAll ? [] : long.flatMap((pattern) => ['--exclude', pattern])
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
process.exitCode = await run(process.execPath, [vitest, 'run', ...given, ...left])
