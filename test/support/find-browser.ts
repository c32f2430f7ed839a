import { existsSync } from 'node:fs'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Returns where a Chromium is; null where none is installed. */
export function findBrowser(): string | null {
  return process.env.CHROMIUM_PATH ?? places.find((path) => existsSync(path)) ?? null
}

/**
 * Whether the page is tested: when Chromium is installed, and in any case with RUNMILL_TEST_BROWSER=1, so that CI cannot
 * go green without it.
 */
export function testsPage(): boolean {
  return process.env.RUNMILL_TEST_BROWSER === '1' || findBrowser() !== null
}
