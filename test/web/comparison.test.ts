import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenRules } from '../support/axe.ts'
import { builtPage, keepKey, launchBrowser, visit } from '../support/browser.ts'
import { comparisonRows, feedbackOn, rootRun, second } from '../support/comparison-rows.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => browser?.close())

const before = once(1, 1, 0, 0, 0, 0, 0, 0, 1, 0)
const after = once(0, 1, 1, 1, 1, 1, 1, 1, 1, 0)

/** The texts of the examples that are shown, in order. */
async function examples(page: Page): Promise<string[]> {
  return page.locator('tr.row .example-text').allTextContents()
}

const three = (value: number) => String(Number(value.toPrecision(3)))
const parameter = (page: Page, name: string) => new URL(page.url()).searchParams.get(name)

describe('what is told', () => {
  test('opens compared with the experiment before it, with the figures of the API', async () => {
    const { h, page, complaints, go } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    const loaded = new Set<string>()
    page.on('response', (response) => loaded.add(new URL(response.url()).pathname))
    await go(`/app/compare?candidate=${f.candidate}`)
    await page.locator('tr.row').first().waitFor()
    const { body } = await h.call('POST', '/api/runmill/compare', { candidates: [f.candidate] })
    const [{ measures }] = body.comparisons
    const [correct] = measures
    const line = await page.locator('.verdict').first().textContent()
    expect(correct).toMatchObject({
      delta: 0.5,
      better: 6,
      worse: 1,
      equal: 3,
      verdict: 'undecided',
    })
    const [low, high] = correct.interval
    expect(line).toContain('+0.5')
    expect(line).toContain(`95 % −${three(-low)} … +${three(high)}`)
    expect(line).toContain('p 0.13')
    expect(line).toContain('undecided')
    expect(line).toContain('10 pairs6 better / 1 worse / 3 equal0 missing')
    expect(await page.locator('.validity').textContent()).toContain(
      'Same examples in the same version. 10 examples of both.',
    )
    const head = await page.locator('thead th').nth(2).textContent()
    expect(head).toContain('0.3 → 0.8+0.5')
    expect(await examples(page)).toHaveLength(10)
    // What came over the network until then, compressed.
    const sizes = [...loaded]
      .filter((path) => /^\/app\/assets\/.*\.(?:js|css)$/.test(path))
      .map((path) => statSync(join(builtPage(), `${path.replace('/app/', '')}.gz`)).size)
    expect(sizes.length).toBeGreaterThan(2)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000)
    expect(complaints).toEqual([])
  })

  test('nothing is blank: missing, failed, unfinished and not run differ by words', async () => {
    const { h, page, go } = await visit(browser)
    const f = await twoExperiments(h, [[1], [1], [], null, [1]], [[1], null, [0], [0], []])
    const running = rootRun(f.candidate, f.examples[1]!, { endTime: null })
    const unscored = rootRun(f.baseline, f.examples[3]!)
    await h.ingest(running, unscored)
    await go(`/app/compare?candidate=${f.candidate}`)
    await page.locator('tr.row').first().waitFor()
    const cells = await page.locator('tr.row td:nth-child(3)').allInnerTexts()
    const words = cells.map((text) => text.replace(/\s+/g, ' ').trim())
    // The newest example first.
    expect(words).toEqual([
      '1 failed ∅ missing',
      'no score 0 ∅ missing',
      'failed 0 ∅ missing',
      '1 running ∅ missing',
      '1 1 = equal',
    ])
    for (const cell of await page.locator('tr.row td').allInnerTexts()) {
      expect(cell.trim()).not.toBe('')
    }
    const validity = await page.locator('.validity').textContent()
    expect(validity).toContain('1 example failed in the candidate')
    expect(validity).toContain('1 example unfinished in the candidate')
  })

  test('each of several candidates, and the rows of the one that is chosen', async () => {
    const { h, page, go } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    const [held] = await h.db<{ datasetId: string }[]>`
      select dataset_id from experiments where tenant_id = ${h.tenant.id} and id = ${f.baseline}`
    const other = await comparisonRows(h.db, h.tenant.id).experiment(held!.datasetId, 'other')
    for (const example of f.examples) {
      const run = rootRun(other, example)
      await h.ingest(run, feedbackOn(run, 'correct', 0))
    }
    await go(`/app/compare?candidate=${f.candidate}&candidate=${other}&baseline=${f.baseline}`)
    const table = page.locator('.candidates tbody tr')
    await table.first().waitFor()
    expect(await table.nth(1).locator('th').textContent()).toBe('other')
    expect(await table.nth(1).locator('td').nth(1).textContent()).toBe('−0.3 undecided')
    // Both stand in the rows, with what the API has of them.
    const { body } = await h.call('POST', '/api/runmill/compare', {
      candidates: [f.candidate, other],
      baseline: f.baseline,
    })
    const values = body.rows.map(
      (row: { others: { measures: Record<string, { b: number }> }[] }) =>
        row.others[0]!.measures['correct']!.b,
    )
    const beside = page.locator('tr.row td.beside:nth-child(4) .beside-value')
    expect((await beside.allTextContents()).map(Number)).toEqual(values)
    expect(await page.locator('thead th.beside').first().textContent()).toBe(
      'correct: other−0.3 undecided',
    )
    expect(await brokenRules(page)).toEqual([])
    await table.nth(1).getByRole('checkbox').focus()
    await page.keyboard.press('Space')
    await expect.poll(async () => page.locator('td.beside').count()).toBe(0)
    expect(parameter(page, 'beside')).toBe('')
    await table.nth(1).getByRole('checkbox').check()
    await expect.poll(async () => page.locator('td.beside').count()).toBeGreaterThan(0)
    await table
      .nth(1)
      .getByRole('button', { name: /^Put first.*other$/ })
      .click()
    await page.getByRole('heading', { level: 1, name: /^other/ }).waitFor()
    expect(new URL(page.url()).searchParams.getAll('candidate')).toEqual([other, f.candidate])
  })

  test('says what to run when there is nothing to compare with', async () => {
    const { h, page, go } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    await go(`/app/compare?candidate=${f.baseline}`)
    await page.getByText('has no earlier experiment').waitFor()
    await page.getByText('Run a second experiment').waitFor()
  })
})

describe('rows', () => {
  test('are chosen by their change, sorted over all examples and found by a text, by the address alone', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    await go(`/app/compare?candidate=${f.candidate}`)
    await page.locator('tr.row').first().waitFor()
    await page.getByRole('button', { name: '1 worse: show only these' }).first().click()
    await expect.poll(async () => examples(page)).toEqual(['0'])
    expect(parameter(page, 'change')).toBe('regressed')
    await page.getByRole('button', { name: '3 equal: show only these' }).first().click()
    await expect.poll(async () => (await examples(page)).length).toBe(4)
    await page.getByRole('button', { name: /^correct.*: sort worst first/ }).click()
    const asked = {
      candidates: [f.candidate],
      change: { measure: 'correct', is: ['regressed', 'equal'] },
      sort: { measure: 'correct', order: 'asc' },
    }
    const { rows } = (await h.call('POST', '/api/runmill/compare', asked)).body
    const wanted = rows.map(({ inputs }: { inputs: { question: number } }) =>
      String(inputs.question),
    )
    await expect.poll(async () => examples(page)).toEqual(wanted)
    // Another tab with this address shows the same.
    const there = page.url()
    const other = await page.context().newPage()
    await keepKey(other, h.tenant.secretKey)
    await other.goto(there)
    await expect.poll(async () => examples(other)).toEqual(wanted)
    await page.getByRole('button', { name: 'Remove the filter by change' }).click()
    await expect.poll(async () => (await examples(page)).length).toBe(10)
    await page.getByPlaceholder('Find in examples').fill('ANSWER 7')
    await expect.poll(async () => examples(page)).toEqual(['7'])
    expect(parameter(page, 'search')).toBe('ANSWER 7')
    await page.getByPlaceholder('Find in examples').fill('nowhere')
    await page.getByText('No example is like that').waitFor()
    expect(complaints).toEqual([])
  })

  test('thousands are read as they come into sight, and few are in the document', async () => {
    const { h, page, go } = await visit(browser)
    const many = once(...Array.from({ length: 210 }, (_, i) => i % 2))
    const f = await twoExperiments(h, many, many)
    const pages: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/compare')) pages.push(String(request.postData()))
    })
    await go(`/app/compare?candidate=${f.candidate}`)
    await page.locator('tr.row').first().waitFor()
    expect(pages).toHaveLength(1)
    expect(await page.locator('tr.row').count()).toBeLessThan(80)
    const scroller = page.locator('.rows')
    await expect
      .poll(async () => {
        await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight))
        return (await examples(page)).at(-1)
      })
      .toBe('0')
    expect(await page.locator('tr.row').count()).toBeLessThan(80)
    expect(pages).toHaveLength(3)
    expect(new Set(pages.map((body) => JSON.parse(body).cursor)).size).toBe(3)
    expect(await page.locator('.rows-end').textContent()).toContain('210 examples')
    // Another order begins at the top, whatever was seen before.
    await page.getByRole('button', { name: /^correct.*: sort/ }).click()
    await expect.poll(async () => pages.length).toBe(4)
    await expect.poll(async () => scroller.evaluate((element) => element.scrollTop)).toBe(0)
    await expect.poll(async () => page.locator('tr.row').count()).toBeGreaterThan(20)
    expect(pages).toHaveLength(4)
  })
})

test('while it is unfinished a comparison is read again, without inputs, until nothing changes any more', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const f = await twoExperiments(h, once(1, 0, 1), once(1, 0, null))
  await h.ingest(rootRun(f.candidate, f.examples[2]!, { endTime: null, outputs: null }))
  const bodies: string[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/compare')) bodies.push(JSON.parse(request.postData()!).bodies)
  })
  await page.clock.install()
  await go(`/app/compare?candidate=${f.candidate}`)
  await expect.poll(async () => examples(page)).toEqual(['2', '1', '0'])
  expect(bodies).toEqual(['full'])
  await page.clock.runFor(6000)
  await expect.poll(() => bodies).toEqual(['full', 'none'])
  expect(await examples(page)).toEqual(['2', '1', '0'])
  await page.clock.fastForward(660_000)
  await page.waitForLoadState('networkidle')
  const asked = bodies.length
  await page.clock.runFor(60_000)
  expect(bodies).toHaveLength(asked)
  expect(complaints).toEqual([])
})

describe('an example that is opened', () => {
  test('shows input, reference, outputs, their difference, every execution, and all scores with reasons', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await twoExperiments(h, once(1, 1), once(1, 0))
    const example = f.examples[1]!
    const again = rootRun(f.candidate, example, {
      outputs: '{"answer": "a **second** try"}',
      startTime: h.clock.now(),
      endTime: h.clock.now(),
    })
    const reason =
      'It says no.\nThe reference says yes, and that is the whole point of the question.'
    await h.ingest(again, feedbackOn(again, 'correct', 1, { comment: reason, sourceType: 'model' }))
    await go(`/app/compare?candidate=${f.candidate}&open=${example}`)
    const drawer = page.getByRole('dialog')
    await drawer.locator('.scores').waitFor()
    expect(await drawer.getByRole('region', { name: 'Input' }).textContent()).toContain('1')
    expect(await drawer.getByRole('region', { name: 'Reference' }).textContent()).toContain(
      'answer 1',
    )
    await drawer.getByText('The reference says yes').waitFor()
    expect(await drawer.locator('.scores').textContent()).toContain(reason)
    await drawer.getByRole('button', { name: 'Execution 2 of 2' }).click()
    // It reads as Markdown, so that is how it is shown.
    expect(await drawer.locator('.markdown strong').textContent()).toBe('second')
    await drawer.getByLabel('Show Candidate’s output as').selectOption('text')
    await drawer.getByText('a **second** try').waitFor()
    for (const [name, experiment] of [
      ['baseline', f.baseline],
      ['candidate', f.candidate],
    ] as const) {
      const read = await h.call('GET', `/api/runmill/experiments/${experiment}/examples/${example}`)
      const traces = read.body.executions.map((each: { trace_id: string }) => each.trace_id)
      const href = await drawer
        .getByRole('link', { name: `Trace of the ${name}` })
        .getAttribute('href')
      expect(traces.some((trace: string) => href?.startsWith(`/app/traces/${trace}`))).toBe(true)
    }
    await drawer.getByRole('button', { name: 'Difference' }).click()
    expect(await drawer.locator('.difference ins').first().textContent()).toContain('second')
    // Both are remembered.
    await page.reload()
    await drawer.getByText('Both outputs are the same').waitFor()
    await drawer.getByRole('button', { name: 'Side by side' }).click()
    await drawer.getByRole('button', { name: 'Execution 2 of 2' }).click()
    await drawer.getByText('a **second** try').waitFor()
    expect(complaints).toEqual([])
  })

  test('never runs what a client sent as markup', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await twoExperiments(h, once(1), once(1))
    const attack = [
      '# Title',
      '<img src=x onerror="window.owned=1"><script>window.owned=1</script>',
      '[click](javascript:window.owned=1) ![image](https://example.com/x.png)',
      '<iframe src="javascript:window.owned=1"></iframe>',
    ].join('\n\n')
    const run = rootRun(f.candidate, f.examples[0]!, {
      outputs: JSON.stringify({ answer: attack }),
      startTime: second(0),
    })
    await h.ingest(run, feedbackOn(run, '<b>key</b>', 1, { comment: attack }))
    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    await go(`/app/compare?candidate=${f.candidate}&open=${f.examples[0]}`)
    await page.locator('.markdown').waitFor()
    const shown = await page.locator('.markdown').textContent()
    expect(shown).toContain('<script>window.owned=1</script>')
    expect(shown).toContain('<img src=x onerror="window.owned=1">')
    expect(await page.locator('main img, main iframe, main script').count()).toBe(0)
    expect(await page.locator('.markdown a').count()).toBe(0)
    expect(await page.evaluate(`'owned' in window`)).toBe(false)
    expect(requests.filter((each) => each.includes('example.com'))).toEqual([])
    expect(complaints).toEqual([])
  })

  test('is reached, moved and left by the keyboard alone', async () => {
    const { h, page, go, complaints } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    await go(`/app/compare?candidate=${f.candidate}`)
    await page.locator('tr.row').first().waitFor()
    const opened = () => parameter(page, 'open')
    const at = (place: number) => f.examples.at(-1 - place)!
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const focused = async () => page.evaluate('document.activeElement?.id')
    await expect.poll(focused).toBe(`row-${at(1)}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    expect(opened()).toBe(at(1))
    await page.keyboard.press('j')
    await expect.poll(opened).toBe(at(2))
    await page.keyboard.press('k')
    await page.keyboard.press('k')
    await expect.poll(opened).toBe(at(0))
    expect(await page.locator('#drawer-title').textContent()).toBe('Example 1')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(opened()).toBeNull()
    expect(await focused()).toBe(`row-${at(0)}`)
    await page.keyboard.press('/')
    await page.keyboard.type('answer 4')
    await expect.poll(async () => examples(page)).toEqual(['4'])
    // Letters that are typed move nothing.
    expect(opened()).toBeNull()
    await page.keyboard.press('Escape')
    // From the filters to the head of the table by Tab, and a filter by Space.
    await page
      .getByRole('button', { name: /better: show only these/ })
      .first()
      .focus()
    await page.keyboard.press('Space')
    await expect.poll(() => parameter(page, 'change')).toBe('improved')
    expect(complaints).toEqual([])
  })

  test('a copied link names the baseline and the open example', async () => {
    const { h, page, go } = await visit(browser)
    const f = await twoExperiments(h, before, after)
    await go(`/app/compare?candidate=${f.candidate}&open=${f.examples[3]}`)
    await page.locator('tr.row').first().waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Copy link' }).click()
    await page.getByText('Copied').waitFor()
    const copied = new URL(await page.evaluate<string>('navigator.clipboard.readText()'))
    expect(Object.fromEntries(copied.searchParams)).toEqual({
      candidate: f.candidate,
      baseline: f.baseline,
      open: f.examples[3],
    })
    expect(copied.href).not.toContain(h.tenant.secretKey)
  })
})
