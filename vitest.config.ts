import { defineConfig } from 'vitest/config'
import { testsPage } from './test/support/find-browser.ts'
import { WaitingFirst } from './test/support/sequencer.ts'

if (!testsPage()) console.log('The tests of the page are left out: there is no Chromium.')

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: testsPage() ? [] : ['test/web/**'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    // Modules are loaded once per worker: 87 files that each load the whole server took 40 s of two cores.
    isolate: false,
    // For what hangs. How long things take depends on what else the machine does, and is a benchmark's business.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    // Two more than CI has cores: the tests that kill processes spend their time waiting.
    maxWorkers: 4,
    // What a request makes lives as long as the request. With the usual 16 MiB it is copied often, as in scripts/supervise.mjs.
    execArgv: ['--max-semi-space-size=32'],
    sequence: { sequencer: WaitingFirst },
  },
})
