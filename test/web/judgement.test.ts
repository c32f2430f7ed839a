import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenRules } from '../support/axe.ts'
import { keepKey, launchBrowser, visit } from '../support/browser.ts'
import { feedbackOn, rootRun } from '../support/comparison-rows.ts'
import type { Harness } from '../support/harness.ts'
import { insertKey } from '../support/tenant.ts'
import { once, type TwoExperiments, twoExperiments } from '../support/two-experiments.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => browser?.close())

const parameter = (page: Page, name: string) => new URL(page.url()).searchParams.get(name)

async function compared(h: Harness, { candidate }: TwoExperiments) {
  const { body } = await h.call('POST', '/api/runmill/compare', { candidates: [candidate] })
  return body.comparisons[0]
}

describe('which way a score is better', () => {
  test('is asked for once, answered by the keyboard, kept for everybody, and can be changed', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await twoExperiments(h, once(1, 1, 0, 0, 0, 0, 0), once(1, 0, 1, 1, 1, 1, 1))
    await go(`/app/compare?candidate=${f.candidate}`)
    const line = page.locator('.verdict').first()
    const asked = line.getByRole('group', { name: 'Which way of correct is better' })
    await asked.waitFor()
    await expect.poll(async () => line.textContent()).toContain('5 better / 1 worse')
    expect(await brokenRules(page)).toEqual([])
    await asked.getByRole('button', { name: 'lower' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(async () => line.textContent()).toContain('1 better / 5 worse')
    await expect.poll(async () => asked.count()).toBe(0)
    expect((await h.call('GET', '/api/runmill/score-directions')).body.directions).toEqual([
      { key: 'correct', direction: 'lower', source: 'stored' },
    ])
    expect((await compared(h, f)).measures[0]).toMatchObject({ direction: 'lower', worse: 5 })
    // Somebody else is not asked.
    const other = await page.context().newPage()
    await keepKey(other, h.tenant.secretKey)
    await other.goto(page.url())
    await other.getByRole('button', { name: /lower is better in correct: change/ }).waitFor()
    expect(await other.getByText('Which way is better?').count()).toBe(0)

    await line.getByRole('button', { name: /lower is better in correct: change/ }).click()
    expect(await brokenRules(page)).toEqual([])
    await asked.getByRole('button', { name: 'higher' }).click()
    await expect.poll(async () => line.textContent()).toContain('5 better / 1 worse')
    expect(complaints).toEqual([])
  })

  test('a key that may not write is told so, and nothing is kept', async () => {
    const { h, page, go } = await visit(browser, { isSignedIn: false })
    const f = await twoExperiments(h, once(1, 0), once(0, 1))
    await keepKey(page, await insertKey(h.db, h.tenant.id, ['read']))
    await go(`/app/compare?candidate=${f.candidate}`)
    const asked = page.getByRole('group', { name: 'Which way of correct is better' })
    await asked.getByRole('button', { name: 'lower' }).click()
    await asked.getByRole('alert').getByText('This key may not do that').waitFor()
    expect(await h.db`select key from score_directions`).toEqual([])
  })
})

test('failed executions are judged as the worst score where the address says so, with the figures of the API', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const f = await twoExperiments(h, once(0, 0, 0, 0, 0, 0, 0, 1, 1, 1), [
    [1],
    [1],
    [1],
    [1],
    [1],
    [1],
    [1],
    [],
    [],
    [],
  ])
  await go(`/app/compare?candidate=${f.candidate}`)
  const line = page.locator('.verdict').first()
  await expect.poll(async () => line.textContent()).toContain('7 better / 0 worse / 0 equal')
  const { measures } = await compared(h, f)
  expect(measures[0].verdict).toBe('better')
  const worst = measures[0].if_errored_were_worst
  expect(worst).toMatchObject({ verdict: 'undecided', better: 7, worse: 3, missing: 0, filled: 3 })
  expect(await line.textContent()).toContain('undecided if failed were worst')
  const choice = page.getByRole('checkbox', { name: /^Judge failed executions/ })
  await choice.focus()
  await page.keyboard.press('Space')
  const three = (value: number) => String(Number(Math.abs(value).toPrecision(3)))
  await expect.poll(async () => line.textContent()).toContain(`+${three(worst.delta)}`)
  const text = await line.textContent()
  expect(text).toContain(`95 % −${three(worst.interval[0])} … +${three(worst.interval[1])}`)
  expect(text).toContain(`p ${Number(worst.p.toPrecision(2))}`)
  expect(text).toContain('10 pairs7 better / 3 worse / 0 equal0 missing')
  expect(text).toContain('3 failed as 0')
  expect(parameter(page, 'errored')).toBe('worst')
  expect(await brokenRules(page)).toEqual([])
  // Rows and their counts stay what was measured.
  await page.getByRole('button', { name: '3 missing: show only these' }).first().waitFor()
  await page.reload()
  await expect.poll(async () => choice.isChecked()).toBe(true)
  await choice.uncheck()
  await expect.poll(async () => line.textContent()).toContain('7 better / 0 worse')
  expect(parameter(page, 'errored')).toBeNull()
  expect(complaints).toEqual([])
})

describe('categories', () => {
  const labels = ['billing', 'shipping', 'legal']

  async function labelled(h: Harness, repetitions: number): Promise<TwoExperiments> {
    const none = Array.from({ length: 12 }, () => null)
    const f = await twoExperiments(h, once(...none), once(...none))
    const events = [f.baseline, f.candidate].flatMap((id, side) =>
      f.examples.flatMap((example, i) =>
        Array.from({ length: repetitions }, (_, n) => {
          const run = rootRun(id, example)
          const valueText = labels[side === 0 ? i % 2 : i < 8 ? 2 : (i + n) % 2]!
          return [run, feedbackOn(run, 'route', null, { valueText })] as const
        }).flat(),
      ),
    )
    await h.ingest(...events)
    return f
  }

  test('are told in a line, and open to what moved where and to the shares, with the figures of the API', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await labelled(h, 1)
    await go(`/app/compare?candidate=${f.candidate}`)
    const line = page.locator('.verdict', { hasText: 'route' })
    const [category] = (await compared(h, f)).categories
    expect(category).toMatchObject({ verdict: 'different', pairs: 12, moved: 8 })
    await expect.poll(async () => line.textContent()).toContain('different')
    const text = await line.textContent()
    expect(text).toContain('+66.7 pt')
    expect(text).toContain('most: legal 0 % → 66.7 %')
    expect(text).toContain(`p ${Number(category.stuart_maxwell.p.toPrecision(2))}`)
    expect(text).toContain('12 pairs8 moved0 missing')

    const opener = line.getByRole('button', { name: 'labels of route' })
    await opener.focus()
    await page.keyboard.press('Enter')
    expect(parameter(page, 'category')).toBe('route')
    const region = page.getByRole('region', { name: 'Labels of route' })
    await region.waitFor()
    const rows = await region.locator('.moves tbody tr').all()
    const cells = await Promise.all(
      rows.map(async (row) => (await row.locator('td').allTextContents()).map(Number)),
    )
    const sums = (rows: number[][]) =>
      rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0))
    const withTotals = category.moves.map((row: number[]) => [
      ...row,
      row.reduce((sum, each) => sum + each, 0),
    ])
    expect(cells).toEqual([...withTotals, sums(withTotals)])
    expect(await region.locator('.shares tbody th').allTextContents()).toEqual(category.labels)
    expect(await region.textContent()).toContain(
      `Stuart–Maxwell χ² ${category.stuart_maxwell.statistic.toFixed(2)}, df 2`,
    )
    expect(await region.textContent()).toContain(
      `Bowker χ² ${category.bowker.statistic.toFixed(2)}`,
    )
    expect(await brokenRules(page)).toEqual([])
    await page.keyboard.press('Enter')
    await expect.poll(async () => region.count()).toBe(0)
    expect(parameter(page, 'category')).toBeNull()
    expect(complaints).toEqual([])
  })

  test('of several executions have shares alone, which fits on 375 pixels in the dark', async () => {
    const { h, page, go, complaints } = await visit(browser, { width: 375, colours: 'dark' })
    const f = await labelled(h, 2)
    await go(`/app/compare?candidate=${f.candidate}&category=route`)
    const region = page.getByRole('region', { name: 'Labels of route' })
    await region.getByText('so the shares are of the executions').waitFor()
    expect(await region.locator('.moves').count()).toBe(0)
    const [category] = (await compared(h, f)).categories
    expect(category.moves).toBeNull()
    expect(await region.locator('.shares tbody tr').first().textContent()).toContain(
      `${Number((100 * category.shares[0].candidate).toPrecision(3))} %`,
    )
    const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    expect(beyond).toBe(0)
    expect(await brokenRules(page)).toEqual([])
    expect(complaints).toEqual([])
  })
})
