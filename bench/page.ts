import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { withApi } from './api/api-in-process.ts'
import { fillCompared } from './stores/compared-store.ts'
import { withFreshStore } from './fresh-store.ts'

/*
 * The page in Chromium: what it loads, how long a signed-in tab takes to the first rows of a comparison, how much of that
 * is the API's answer, and frames while its rows are scrolled. Server, Postgres and browser share the machine.
 * Database of its own in a temporary folder. CHROMIUM_PATH names another browser than /usr/bin/chromium.
 *
 *   npx tsx bench/page.ts [--examples 10000] [--repeats 7] [--smoke]
 */

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '10000' },
    repeats: { type: 'string', default: '7' },
    smoke: { type: 'boolean', default: false },
  },
})
const examples = values.smoke ? 300 : Number(values.examples)
const repeats = values.smoke ? 1 : Number(values.repeats)

/** Runs in the browser before anything else: notes when a frame with the first rows was begun. */
const watchRows = `new MutationObserver((_, observer) => {
  if (document.querySelector('tr.row') === null) return
  observer.disconnect()
  requestAnimationFrame(() => (globalThis.rowsAt = performance.now()))
}).observe(document, { childList: true, subtree: true })`

/** Runs in the browser. */
const readTimes = `(async () => {
  while (globalThis.rowsAt === undefined) await new Promise(requestAnimationFrame)
  const rows = globalThis.rowsAt
  const resources = performance.getEntriesByType('resource')
  const api = resources.find(({ name }) => name.endsWith('/compare'))
  const assets = resources.filter(({ name }) => name.includes('/assets/'))
  const bytes = assets.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
  return { rows, api: api.duration, bytes }
})()`

/** Runs in the browser. */
const scroll = `(async () => {
  const scroller = document.querySelector('.rows')
  const frames = []
  let last = performance.now()
  for (let i = 0; i < 240; i++) {
    await new Promise(requestAnimationFrame)
    const now = performance.now()
    frames.push(now - last)
    last = now
    scroller.scrollTop += 180
  }
  return {
    frames,
    rows: document.querySelectorAll('tr.row').length,
    held: document.querySelector('.rows-end').textContent,
  }
})()`

await withFreshStore(async (store) => {
  const pageFolder = join(store.folder, 'page')
  execFileSync(process.execPath, ['scripts/build-page.mjs', pageFolder], { stdio: 'inherit' })
  printSizes(join(pageFolder, 'assets'))
  const { secret, candidateId } = await fillCompared(store.db, examples)
  await withApi(
    store,
    async (url) => {
      const browser = await chromium.launch({
        executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
        args: ['--no-sandbox'],
      })
      try {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
        await context.addInitScript({
          content: `sessionStorage.setItem('runmill.key', ${JSON.stringify(`Bearer ${secret}`)})\n${watchRows}`,
        })
        const page = await context.newPage()
        console.log(`${examples} examples, 2 experiments, 3 scores`)
        await measureFirstRows(page, `${url}/app/compare?candidate=${candidateId}`)
        await measureScrolling(browser, page)
      } finally {
        await browser.close()
      }
    },
    pageFolder,
  )
})

function printSizes(folder: string): void {
  const sizes = readdirSync(folder)
    .filter((name) => name.endsWith('.gz'))
    .map((name) => ({ name, size: readFileSync(join(folder, name)).length }))
  const total = sizes.reduce((sum, { size }) => sum + size, 0)
  console.log(`all scripts and styles: ${(total / 1000).toFixed(1)} KB, compressed with gzip`)
}

async function measureFirstRows(page: Page, address: string): Promise<void> {
  const times: { rows: number; api: number; bytes: number }[] = []
  for (let i = -1; i < repeats; i++) {
    await page.goto('about:blank')
    await page.goto(address, { waitUntil: 'commit' })
    await page.locator('tr.row').first().waitFor()
    const time = await page.evaluate<{ rows: number; api: number; bytes: number }>(readTimes)
    // The first one fills caches.
    if (i >= 0) times.push(time)
  }
  const median = (of: (time: (typeof times)[number]) => number) => {
    const sorted = times.map(of).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)]!.toFixed(0)
  }
  console.log(
    `first rows: median ${median(({ rows }) => rows)} ms, of which the API ${median(({ api }) => api)} ms and the page ${median(({ rows, api }) => rows - api)} ms; ${(times[0]!.bytes / 1000).toFixed(1)} KB of scripts and styles until then`,
  )
}

interface Scrolled {
  frames: number[]
  rows: number
  held: string
}

/** Scrolls by five rows in each of 240 frames, with pages that are read meanwhile. */
async function measureScrolling(browser: Browser, page: Page): Promise<void> {
  await browser.startTracing(page, { categories: ['toplevel'] })
  const { frames, rows, held } = await page.evaluate<Scrolled>(scroll)
  const tasks = cpuOfTasks((await browser.stopTracing()).toString())
  const sorted = frames.toSorted((a, b) => a - b)
  console.log(
    `scrolling: frames median ${sorted[120]!.toFixed(1)} ms, p99 ${sorted[237]!.toFixed(1)} ms, longest ${sorted.at(-1)!.toFixed(1)} ms; processor time of the longest tasks ${tasks.map((ms) => ms.toFixed(0)).join(', ')} ms; ${rows} rows in the document; ${held.split(' read')[0]} read`,
  )
}

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  /** Processor time in microseconds. */
  tdur?: number
  args?: { name?: string }
}

/** The processor time of the five longest tasks of the page's main thread, in ms: what else the machine does is left out. */
function cpuOfTasks(trace: string): number[] {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: TraceEvent[] }
  const main = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  )
  return traceEvents
    .filter(
      ({ ph, pid, tid }) => ph === 'X' && main.some((each) => each.pid === pid && each.tid === tid),
    )
    .map(({ tdur = 0 }) => tdur / 1000)
    .toSorted((a, b) => b - a)
    .slice(0, 5)
}
