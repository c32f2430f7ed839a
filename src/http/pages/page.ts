import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { pagePolicy } from '../front-door/security-headers.ts'
import type { App } from '../services.ts'

/** What a tab may begin with: the root, and the addresses of the page's views (`web/url/addresses.ts`). */
const addresses = ['/', '/app', '/app/*']

/**
 * Serves the page. Every address of its views is answered with the same file, in which the view is chosen, and nothing
 * outside of `/app` is. Files with a hash in their name never change.
 * @param folder what `npm run build` made of `web/`; where it is missing, the root says how to build it
 * @returns whether there is a page
 */
export async function page(app: App, folder: string | null): Promise<boolean> {
  const html =
    folder === null ? null : await readFile(join(folder, 'index.html'), 'utf8').catch(() => null)
  if (folder !== null && html !== null) {
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/app/assets/',
      decorateReply: false,
      preCompressed: true,
      index: false,
      dotfiles: 'ignore',
      immutable: true,
      maxAge: '365d',
      schemaHide: true,
    })
  }
  for (const url of addresses) {
    app.get(
      url,
      { schema: { hide: true }, config: { contentSecurityPolicy: pagePolicy } },
      async (_, reply) => {
        if (html === null) {
          reply.code(404).type('text/plain; charset=utf-8')
          return 'The page is not built: run npm run build, and start the server from dist.\n'
        }
        return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html)
      },
    )
  }
  return html !== null
}
