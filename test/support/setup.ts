import { afterAll, afterEach } from 'vitest'
import { closeHarnesses, giveBackHarnesses, reportErrors } from './harness.ts'

/*
 * Runs for every test file. Modules are loaded once per worker and shared by its files (vitest.config.ts), so a
 * module that tests import cannot register what has to happen after each test and file.
 */

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') reportErrors()
  await giveBackHarnesses()
})

afterAll(async () => {
  await closeHarnesses()
})
