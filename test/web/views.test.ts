import { randomUUID } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenRules } from '../support/axe.ts'
import { launchBrowser, visit } from '../support/browser.ts'
import { comparisonRows, feedbackOn, runEvent, second } from '../support/comparison-rows.ts'
import type { Harness } from '../support/harness.ts'
import { keepEvent } from '../support/seeded-tenant.ts'
import { insertKey } from '../support/tenant.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => browser?.close())

const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** A trace of an agent that calls a model, which fails, and a tool. @returns its id */
async function trace(h: Harness, project: string, name = 'agent'): Promise<string> {
  const root = randomUUID()
  const common = { experimentId: project, traceId: root }
  const model = randomUUID()
  await h.ingest(
    runEvent(root, {
      ...common,
      name,
      runType: 'chain',
      startTime: second(0),
      endTime: second(4),
      inputs: JSON.stringify({ question: '<img src=x onerror="document.title=1"> **hi**' }),
      outputs: JSON.stringify({ image: pixel, answer: 'no' }),
    }),
    runEvent(model, {
      ...common,
      parentRunId: root,
      name: 'model',
      runType: 'llm',
      startTime: second(1),
      endTime: second(3),
      error: '"The model is overloaded."',
      totalTokens: 1234,
    }),
    runEvent(randomUUID(), {
      ...common,
      parentRunId: root,
      name: 'look up',
      runType: 'tool',
      startTime: second(3),
      endTime: second(4),
    }),
    feedbackOn({ id: root }, 'polite', 0.5, { comment: 'It could be kinder.' }),
  )
  return root
}

describe('runs', () => {
  test('are narrowed by a filter that the address holds; one that cannot be read says where; new ones appear live', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
    await trace(h, project, 'first agent')
    await trace(h, project, 'second agent')
    await go('/app/runs')
    const rows = page.locator('tbody tr')
    await expect.poll(async () => rows.count()).toBe(2)
    expect(await brokenRules(page)).toEqual([])

    await page.getByLabel('Filter').fill('eq(name, "first agent")')
    await page.keyboard.press('Enter')
    await expect.poll(async () => rows.count()).toBe(1)
    expect(new URL(page.url()).searchParams.get('filter')).toBe('eq(name, "first agent")')

    await page.getByLabel('Filter').fill('eq(name')
    await page.keyboard.press('Enter')
    await page
      .locator('.field-problem')
      .filter({ hasText: /position/ })
      .waitFor()
    // The browser tells of each refused request.
    complaints.length = 0

    await go('/app/runs?live=1')
    await expect.poll(async () => rows.count()).toBe(2)
    await trace(h, project, 'third agent')
    await page.getByText('1 new run').waitFor()
    expect(await rows.count()).toBe(3)
    expect(complaints).toEqual([])
  })
})

describe('one trace', () => {
  test('is read with the keyboard alone: its tree, and each run in full', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
    const id = await trace(h, project)
    await go(`/app/traces/${id}`)
    const items = page.getByRole('treeitem')
    await expect.poll(async () => items.count()).toBe(3)
    expect(await brokenRules(page)).toEqual([])

    await items.first().focus()
    await page.keyboard.press('ArrowDown')
    await page.getByRole('heading', { name: 'model' }).waitFor()
    await page.getByText('The model is overloaded.').waitFor()
    expect(new URL(page.url()).searchParams.get('run')).not.toBeNull()
    await expect
      .poll(async () => page.evaluate(`document.activeElement.getAttribute('aria-selected')`))
      .toBe('true')
    await page.keyboard.press('ArrowLeft')
    await page.getByText('It could be kinder.').waitFor()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(async () => items.count()).toBe(1)
    expect(complaints).toEqual([])
  })

  test('shows images, and runs no markup that a client sent, in whatever way it is shown', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
    await go(`/app/traces/${await trace(h, project)}`)
    await expect
      .poll(async () => page.evaluate(`document.querySelector('.files img')?.naturalWidth`))
      .toBe(1)
    const shown = page.getByRole('region', { name: 'Input', exact: true })
    for (const mode of ['text', 'markdown', 'json']) {
      await page.getByLabel('Show Input as').selectOption(mode)
      await shown.getByText('<img src=x', { exact: false }).waitFor()
      expect(await shown.locator('img').count()).toBe(0)
    }
    expect(await page.title()).toBe('agent · Runmill')
    expect(complaints).toEqual([])
  })

  test('the addresses that SDKs print for a run inside of a trace, and for a project without a dataset', async () => {
    const { h, page, go } = await visit(browser)
    const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
    const id = await trace(h, project)
    const [child] = await h.db<{ id: string }[]>`select id from runs where name = 'model'`
    await go(`/o/${h.tenant.id}/projects/p/${project}/r/${child!.id}`)
    await page.getByRole('heading', { name: 'model' }).waitFor()
    expect(await page.getByRole('treeitem').count()).toBe(3)
    await go(`/o/${h.tenant.id}/projects/p/${project}`)
    await page.waitForURL(`**/app/runs?project=${project}`)
    await page.locator(`tbody a[href*="${id}"]`).first().waitFor()
  })

  test('that there is not says so', async () => {
    const { page, go } = await visit(browser)
    await go(`/app/traces/${randomUUID()}`)
    await page.getByRole('alert').getByText('There is no such trace').waitFor()
  })
})

test('one experiment sorts its examples by a score, and opens one with its scores by the keyboard', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const f = await twoExperiments(h, once(1, 1, 1), [[0.8], [0.1, 0.3], []])
  await go(`/app/experiments/${f.candidate}`)
  const rows = page.locator('tbody tr')
  await expect.poll(async () => rows.count()).toBe(3)
  expect(await brokenRules(page)).toEqual([])
  await page.getByRole('button', { name: 'correct' }).click()
  await expect.poll(async () => rows.first().innerText()).toContain('×2')
  await rows.first().getByRole('button').focus()
  await page.keyboard.press('Enter')
  const drawer = page.getByRole('dialog')
  await drawer.getByRole('button', { name: 'Repetition 2' }).click()
  await drawer.getByRole('cell', { name: /^0\.[13]$/ }).waitFor()
  expect(await brokenRules(page)).toEqual([])
  await page.keyboard.press('j')
  await expect.poll(async () => drawer.innerText()).toContain('Example 2')
  await page.keyboard.press('Escape')
  await expect.poll(async () => drawer.count()).toBe(0)
  expect(complaints).toEqual([])
})

test('scores are plotted over the experiments of a dataset, with intervals, and each point leads to its experiment', async () => {
  const { h, page, go, complaints } = await visit(browser, { colours: 'dark' })
  const f = await twoExperiments(h, once(1, 0, 1, 0, 1, 0), once(1, 1, 1, 1, 1, 0))
  await go('/app/scores')
  const plot = page.getByRole('group', { name: 'correct by experiment' })
  const points = plot.getByRole('link')
  await expect.poll(async () => points.count()).toBe(2)
  await expect
    .poll(async () => points.last().getAttribute('aria-label'))
    .toMatch(/^new of .*: 0\.833, 95 % interval 0\.4\d+ to 0\.9\d+, 6 examples$/)
  expect(await brokenRules(page)).toEqual([])
  await points.last().focus()
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/app/experiments/${f.candidate}`)
  expect(complaints).toEqual([])
})

describe('ingestion', () => {
  test('dead letters are looked at, replayed, and discarded only once that is confirmed', async () => {
    const { h, page, go, complaints } = await visit(browser)
    await keepEvent(h, h.tenant.id, randomUUID(), 'out of range')
    await keepEvent(h, h.tenant.id, randomUUID(), 'too large')
    await go('/app/ingestion')
    const letters = page.locator('.letter')
    await expect.poll(async () => letters.count()).toBe(2)
    await letters.first().getByRole('button', { name: 'feedback' }).click()
    await page.getByText('"comment": "too large"').waitFor()
    expect(await brokenRules(page)).toEqual([])
    await letters.first().getByRole('button', { name: 'Replay' }).click()
    await page.getByText('1 event replayed: 1 applied.').waitFor()
    await expect.poll(async () => letters.count()).toBe(1)
    expect(await h.db`select comment from feedback`).toEqual([{ comment: 'too large' }])

    const discard = letters.first().getByRole('button', { name: 'Discard' })
    await discard.click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    expect(await letters.count()).toBe(1)
    await discard.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await page.getByText('One event discarded.').waitFor()
    await expect.poll(async () => letters.count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('a key with the scope admin sees the queue and the tenants, and handles the dead letters of another', async () => {
    const { h, page, go, complaints } = await visit(browser, { isSignedIn: false })
    const other = await h.addTenant()
    await keepEvent(h, other.id, randomUUID(), 'out of range')
    await keepEvent(h, other.id, randomUUID(), 'out of range')
    await keepEvent(h, other.id, randomUUID(), 'out of range of integer')
    await h.callAs(other, 'POST', '/feedback', { key: 5 })
    await go('/app/ingestion')
    await page
      .getByLabel('Secret key')
      .fill(await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin']))
    await page.keyboard.press('Enter')
    await page.getByRole('rowheader', { name: 'ingest-interactive' }).waitFor()
    await page.getByRole('rowheader', { name: 'invalid' }).waitFor()
    expect(await brokenRules(page)).toEqual([])
    await page.locator(`a[href*="${other.id}"]`).click()
    await page.locator('.letter').getByText('out of range of integer').waitFor()
    // The counts are the other tenant's, and a reason does not stand for those that contain it.
    await page.getByRole('button', { name: 'out of range · 2' }).click()
    await expect.poll(async () => page.locator('.letter').count()).toBe(2)
    await page.getByRole('button', { name: 'Discard these' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await page.getByText('2 events discarded.').waitFor()
    expect(await h.db`select tenant_id, reason from dead_letters`).toEqual([
      { tenantId: other.id, reason: 'out of range of integer' },
    ])
    expect(complaints).toEqual([])
  })
})

describe('every view', () => {
  test('fits on 375 pixels, in the dark too, and breaks no rule of access', async () => {
    const { h, page, go, complaints } = await visit(browser, { width: 375, colours: 'dark' })
    const f = await twoExperiments(h, once(1, 1, 1), once(1, 0, 1))
    await keepEvent(h, h.tenant.id, randomUUID(), `out of range: ${'x'.repeat(200)}`)
    const id = await trace(h, f.candidate)
    const ready: Record<string, string> = {
      '/app/runs?runs=all': 'tbody tr',
      [`/app/traces/${id}`]: '.details .field',
      [`/app/experiments/${f.candidate}`]: 'tbody tr',
      '/app/scores': '.history-point',
      '/app/ingestion': '.letter',
    }
    for (const [path, sign] of Object.entries(ready)) {
      await go(path)
      await page.locator(sign).first().waitFor()
      const beyond = await page.evaluate<number>(
        'document.documentElement.scrollWidth - innerWidth',
      )
      expect(beyond, path).toBe(0)
      expect(await brokenRules(page), path).toEqual([])
    }
    expect(complaints).toEqual([])
  })

  test('says what to run next while there is nothing', async () => {
    const { page, go, complaints } = await visit(browser)
    await go('/app/runs')
    await page.getByText('export LANGSMITH_ENDPOINT=').waitFor()
    expect(await brokenRules(page)).toEqual([])
    await go('/app/scores')
    await page.getByText('There is no dataset yet').waitFor()
    await go('/app/ingestion')
    await page.getByText('npm run keys -- create --admin').waitFor()
    expect(await brokenRules(page)).toEqual([])
    expect(complaints).toEqual([])
  })
})
