// npx tsx scripts/screenshots.ts: makes the pictures of docs/page.md, of a running server that `npm run demo` has filled.
// RUNMILL_URL and RUNMILL_API_KEY say which. Names of views as arguments make only those.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const url = process.env['RUNMILL_URL'] ?? 'http://127.0.0.1:3000'
const key = process.env['RUNMILL_API_KEY'] ?? ''
const folder = join('docs', 'page')
const wanted = process.argv.slice(2)

async function ask<T>(path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}/api/runmill${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

interface Named {
  id: string
  name: string
}

const { datasets } = await ask<{ datasets: Named[] }>('/datasets?name=support-questions')
const dataset = datasets[0]
if (dataset === undefined)
  throw new Error('There is no demo on this server: npm run demo makes it.')
const { experiments } = await ask<{ experiments: Named[] }>(`/datasets/${dataset.id}/experiments`)
const idOf = (name: string) => experiments.find((each) => each.name === name)!.id
const sides = { candidates: [idOf('support-new-model')], baseline: idOf('support-main') }
const sort = { measure: 'correct', order: 'asc' }
const { rows } = await ask<{ rows: { example_id: string }[] }>('/compare', {
  ...sides,
  sort,
  limit: 1,
})
const { runs } = await ask<{ runs: { trace_id: string }[] }>(
  `/runs?limit=1&experiment_id=${idOf('support-main')}`,
)
const compare = `/app/compare?candidate=${sides.candidates[0]}&baseline=${sides.baseline}`

interface View {
  name: string
  path: string
  /** Shown once everything is there. */
  ready: string
  isSignedOut?: true
}

const views: View[] = [
  { name: 'sign-in', path: '/', ready: 'form', isSignedOut: true },
  { name: 'experiments', path: `/app/datasets/${dataset.id}`, ready: 'tr:last-child td .note' },
  { name: 'comparison', path: `${compare}&sort=correct`, ready: 'tr.row' },
  {
    name: 'example',
    path: `${compare}&sort=correct&open=${rows[0]!.example_id}`,
    ready: '.scores',
  },
  {
    name: 'candidates',
    path: `${compare}&candidate=${idOf('support-two-articles')}&candidate=${idOf('support-friendlier')}&sort=correct`,
    ready: 'td.beside',
  },
  { name: 'category', path: `${compare}&category=kind`, ready: '.shares' },
  {
    name: 'experiment',
    path: `/app/experiments/${idOf('support-friendlier')}?sort=correct`,
    ready: '.items tbody tr',
  },
  { name: 'runs', path: '/app/runs', ready: 'tbody tr' },
  { name: 'trace', path: `/app/traces/${runs[0]!.trace_id}`, ready: '.details .field' },
  { name: 'scores', path: `/app/scores?dataset=${dataset.id}`, ready: '.history-interval' },
  { name: 'ingestion', path: '/app/ingestion', ready: '.figures' },
]

mkdirSync(folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
for (const { name, path, ready, isSignedOut = false } of views) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, width, height] of [
      ['wide', 1440, 860],
      ['narrow', 375, 1000],
    ] as const) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height } })
      const page = await context.newPage()
      if (!isSignedOut) {
        const authorization = JSON.stringify(`Bearer ${key}`)
        await page.addInitScript({
          content: `sessionStorage.setItem('runmill.key', ${authorization})`,
        })
      }
      await page.goto(url + path)
      await page.locator(ready).first().waitFor()
      await page.waitForLoadState('networkidle')
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`) })
      await context.close()
    }
  }
}
await browser.close()
