import type { App, Services } from '../services.ts'
import { links } from './links.ts'
import { page } from './page.ts'

/** What is for people: the page, and the addresses that the SDKs print. */
export async function pages(app: App, { pageFolder }: Services): Promise<void> {
  links(app, await page(app, pageFolder))
}
