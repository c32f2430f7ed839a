import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const server = process.env['RUNMILL_URL'] ?? 'http://127.0.0.1:3000'

/** The page. `npm run dev:page` serves its sources, and asks the server at RUNMILL_URL. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/app/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: ['es2023', 'chrome125', 'firefox128', 'safari17.5'],
    // The policy of the page allows no data: in scripts and styles, and a file of its own is cached for ever.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': server, '/blobs': server, '/docs': server } },
})
