import type { App, Services } from '../services.ts'
import { board } from './board.ts'
import type { BoardPasses } from './board-pass.ts'
import { links } from './links.ts'
import { page } from './page.ts'

/** What is for people: the page, the view into the queues, and the addresses that the SDKs print. */
export async function pages(
  app: App,
  services: Services & { boardPasses: BoardPasses },
): Promise<void> {
  links(app, await page(app, services.pageFolder))
  await board(app, services, services.boardPasses)
}
