import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)

/** Rules of axe that the page breaks, with the elements. */
export async function brokenRules(page: Page): Promise<string[]> {
  await page.evaluate(axeSource)
  // What is half faded in has no contrast yet.
  await page.evaluate(`
    for (const each of document.getAnimations())
      if (each.effect.getComputedTiming().endTime !== Infinity) each.finish()`)
  const found = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`)
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
  )
}
