import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenRules } from '../support/axe.ts'
import { builtPage, keepKey, launchBrowser, visit } from '../support/browser.ts'
import { comparisonRows, feedbackOn, rootRun } from '../support/comparison-rows.ts'
import { harness } from '../support/harness.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => browser?.close())

describe('the server', () => {
  test('answers every address of the page with the page, and no other address', async () => {
    const h = await harness({ pageFolder: builtPage() })
    for (const path of ['/', '/?x=1', '/app', '/app/datasets', '/app/compare?candidate=x']) {
      const { status, headers, text } = await h.call('GET', path)
      expect(status, path).toBe(200)
      expect(headers, path).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-security-policy': expect.stringContaining("script-src 'self'; style-src 'self';"),
      })
      // What the policy allows is all there is.
      expect(text).not.toMatch(/<script(?![^>]* src="\/app\/assets\/)|<style|style=|onload=/)
    }
    for (const path of [
      '/api',
      '/api/v1',
      '/api/app',
      '/api/v1/app/datasets',
      '//app',
      '/%61pp',
      '/apps',
    ]) {
      const { headers, text } = await h.call('GET', path)
      expect(String(headers['content-type']), path).toContain('application/json')
      expect(text, path).toMatch(/"detail"/)
    }
    expect((await h.call('GET', '/api/public/nothing')).body).toHaveProperty('message')
    expect((await h.call('GET', '/api/runmill/nothing')).status).toBe(404)
  })

  test('lets browsers keep files with a hash for ever, and sends them compressed', async () => {
    const h = await harness({ pageFolder: builtPage() })
    const page = await h.call('GET', '/')
    const [, script] = /src="(\/app\/assets\/[^"]+\.js)"/.exec(page.text)!
    const { status, headers } = await h.call('GET', script!, undefined, { 'accept-encoding': 'br' })
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': expect.stringContaining('javascript'),
      'content-encoding': 'br',
      'cache-control': 'public, max-age=31536000, immutable',
    })
    const gone = await h.call('GET', '/app/assets/index-00000000.js')
    expect(gone.status).toBe(404)
    expect(gone.text).not.toContain('<html')
  })

  test('leads from the addresses that SDKs print to the views of the page', async () => {
    const h = await harness({ pageFolder: builtPage() })
    const leads = async (url: string) => (await h.call('GET', url)).headers['location']
    const [a, b] = ['5e05d8c3-0c2a-4f0c-8d2e-000000000001', '5e05d8c3-0c2a-4f0c-8d2e-000000000002']
    const compare = `/o/t/datasets/d/compare?selectedSessions=${a}`
    expect(await leads(compare)).toBe(`/app/compare?candidate=${a}`)
    expect(await leads(`${compare}%2C${b}`)).toBe(`/app/compare?baseline=${a}&candidate=${b}`)
    expect(await leads(`/o/t/datasets/${a}`)).toBe(`/app/datasets/${a}`)
    expect(await leads(`/project/p/datasets/d/runs/${a}`)).toBe(`/app/compare?candidate=${a}`)
    expect(await leads(`/project/p/traces/${a}`)).toBe(`/app/traces/${a}`)
    // Nothing leads elsewhere.
    expect(await leads('/project/p/traces/..%2F..%2F%2Fevil.example')).toBeUndefined()
  })

  test('says how to build the page where it is not built', async () => {
    const h = await harness()
    const { status, text } = await h.call('GET', '/')
    expect([status, text]).toEqual([404, expect.stringContaining('npm run build')])
  })
})

describe('signing in', () => {
  test('takes a key that the server knows, keeps it in the tab alone, and says what is wrong with another', async () => {
    const { h, page, url, complaints, go } = await visit(browser, { isSignedIn: false })
    await go('/app/datasets?name=x')
    const key = page.getByLabel('Secret key')
    await key.fill(h.tenant.publicKey)
    await key.press('Enter')
    expect(await page.getByRole('alert').textContent()).toContain('public key')
    await key.fill('sk-wrong')
    await key.press('Enter')
    await page.getByText('The server does not know this key').waitFor()
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')])
    for (const odd of [`pk-a:sk\u2013b`, 'sk\u2013b']) {
      await key.fill('')
      await key.press('Enter')
      await page.getByText('Type or paste a secret key').waitFor()
      await key.fill(odd)
      await key.press('Enter')
      await page
        .getByRole('alert')
        .getByText(/does not know this key|That is no key/)
        .waitFor()
      expect(await page.getByRole('button', { name: 'Sign in' }).isEnabled()).toBe(true)
    }
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')])
    await key.fill(h.tenant.secretKey)
    await key.press('Enter')
    // The address that was asked for is shown.
    await page.getByText('No dataset has “x” in its name').waitFor()
    expect(page.url()).toBe(`${url}/app/datasets?name=x`)
    const held = await page.evaluate('({ ...localStorage, cookie: document.cookie })')
    expect(JSON.stringify(held)).not.toContain(h.tenant.secretKey)
    expect(await page.evaluate(`sessionStorage.getItem('runmill.key')`)).toContain(
      h.tenant.secretKey,
    )
    await page.reload()
    await page.getByText('No dataset has “x” in its name').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await key.waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    // A pair works too, as Basic authentication has it.
    await key.fill(`${h.tenant.publicKey}:${h.tenant.secretKey}`)
    await key.press('Enter')
    await page.getByRole('heading', { name: 'Datasets' }).waitFor()
    expect(complaints).toEqual([])
  })

  test('asks again when the key is no longer valid', async () => {
    const { h, page, go } = await visit(browser)
    await go('/app/datasets')
    await page.getByText('There is no dataset yet').waitFor()
    await h.db`delete from api_keys where tenant_id = ${h.tenant.id}`
    await keepKey(page, 'gone')
    await page.reload()
    await page.getByText('The server no longer accepts this key').waitFor()
  })
})

describe('datasets and experiments', () => {
  test('from a dataset to its experiments to their comparison, with the figures of the API', async () => {
    const { h, page, complaints, go } = await visit(browser)
    await comparisonRows(h.db, h.tenant.id).dataset()
    const f = await twoExperiments(h, once(1, 0, 1, 0, 1, 1), [[1], [1], [1], [0], [1], []])
    await go('/')
    const [dataset] = (await h.call('GET', '/api/runmill/datasets')).body.datasets
    await page.locator('tbody tr').first().waitFor()
    expect(await page.locator('tbody tr').allTextContents()).toEqual([
      expect.stringMatching(new RegExp(`^${dataset.name}62`)),
      expect.stringContaining('none yet'),
    ])
    await page.getByRole('link', { name: dataset.name }).click()
    const newest = page.locator('tbody tr').first()
    await newest.getByText('…').waitFor()
    const { measures } = (await h.call('GET', `/api/runmill/experiments/${f.candidate}/summary`))
      .body
    const three = (value: number) => String(Number(value.toPrecision(3)))
    const [low, high] = measures[0].interval
    const text = await newest.textContent()
    expect(text).toContain(`${three(measures[0].mean)}${three(low)} … ${three(high)}`)
    expect(text).toContain('1 error')
    await page.getByLabel(/^Compare new of/).check()
    await page.getByLabel(/^Compare base of/).check()
    // The choice outlives a reload.
    await page.reload()
    await expect.poll(async () => page.getByRole('checkbox', { checked: true }).count()).toBe(2)
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.locator('tr.row').first().waitFor()
    expect(new URL(page.url()).searchParams.getAll('candidate')).toEqual([f.candidate])
    expect(new URL(page.url()).searchParams.get('baseline')).toBe(f.baseline)
    expect(complaints).toEqual([])
  })

  test('what arrives while an experiment runs is shown without a reload', async () => {
    const { h, page, go } = await visit(browser)
    const f = await twoExperiments(h, once(1, 1), once(1, null))
    const [dataset] = (await h.call('GET', '/api/runmill/datasets')).body.datasets
    const now = h.clock.now()
    await h.ingest(rootRun(f.candidate, f.examples[0]!, { startTime: now, endTime: now }))
    await go(`/app/datasets/${dataset.id}`)
    const row = page.locator('tbody tr').first()
    await row.getByText('running').waitFor()
    expect(await row.locator('td').nth(1).textContent()).toBe('2')
    const run = rootRun(f.candidate, f.examples[1]!, { startTime: now, endTime: now })
    await h.ingest(run, feedbackOn(run, 'correct', 1))
    await expect.poll(async () => row.locator('td').nth(1).textContent()).toBe('3')
  })
})

describe('everybody can use it', () => {
  test.each([
    ['light', 1440],
    ['dark', 375],
  ] as const)('axe finds nothing, %s at %i pixels', async (colours, width) => {
    const { h, page, complaints, go } = await visit(browser, { colours, width })
    const f = await twoExperiments(
      h,
      [[1, 0], [1], [], [0], [1], [1]],
      [[1, 1], null, [0], [1], [0], [1]],
    )
    const [dataset] = (await h.call('GET', '/api/runmill/datasets')).body.datasets
    const views: [path: string, ready: string][] = [
      ['/app/datasets', 'tbody tr'],
      [`/app/datasets/${dataset.id}`, 'tbody .note'],
      [`/app/compare?candidate=${f.candidate}&sort=correct`, 'tr.row'],
      [`/app/compare?candidate=${f.candidate}&open=${f.examples[0]}`, '.scores, .drawer .outputs'],
      ['/app/compare', '.empty'],
      ['/app/nothing', 'h1'],
    ]
    for (const [path, ready] of views) {
      await go(path)
      await page.locator(ready).first().waitFor()
      expect(await brokenRules(page), path).toEqual([])
      // Only what is meant to scroll sideways does.
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      expect(overflow, path).toBe(0)
    }
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Secret key').waitFor()
    expect(await brokenRules(page)).toEqual([])
    expect(complaints).toEqual([])
  })
})

test('all scripts and styles are at most 150 KB, compressed', () => {
  const folder = join(builtPage(), 'assets')
  const sizes = readdirSync(folder)
    .filter((name) => name.endsWith('.gz'))
    .map((name) => readFileSync(join(folder, name)).length)
  expect(sizes.length).toBeGreaterThan(5)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000)
})
