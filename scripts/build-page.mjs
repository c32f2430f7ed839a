// node scripts/build-page.mjs FOLDER: builds the page, `web/`, into a folder: what a browser loads, compressed beforehand.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'vite'
import { root } from './prepare.mjs'

/** @param folder is emptied first */
export async function buildPage(folder) {
  await build({
    configFile: join(root, 'web', 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
  })
  const assets = join(folder, 'assets')
  for (const name of readdirSync(assets)) {
    if (!/\.(?:js|css|svg)$/.test(name)) continue
    const path = join(assets, name)
    const bytes = readFileSync(path)
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
    writeFileSync(`${path}.br`, brotliCompressSync(bytes))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage(process.argv[2])
