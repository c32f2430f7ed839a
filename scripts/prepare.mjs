// This runs before node_modules exists, so it uses only what comes with Node.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the clone. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const buildStamp = join(root, 'dist', '.runmill-build')

/** Exits with one sentence when this Node is too old for the product. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`Runmill needs Node 20.19 or newer, and this is ${process.versions.node}.`)
}

/** Runs `npm ci` when node_modules does not hold what package-lock.json asks for. */
export async function install() {
  if (isInstalled()) return
  say('Installing packages (once, about 15 seconds) …')
  // The npm that started us gives its path. On Windows npm is a script that only a shell can start.
  const npm = process.env.npm_execpath
  const code = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, 'ci', '--no-audit', '--no-fund'])
    : await run('npm', ['ci', '--no-audit', '--no-fund'], { shell: process.platform === 'win32' })
  if (code !== 0) fail('npm ci failed: see above.')
  rmSync(buildStamp, { force: true })
}

/**
 * As its last step npm writes what it installed into a lock file of its own. Packages for other platforms are
 * optional.
 */
function isInstalled() {
  if (!isPatched()) return false
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'))
  const wanted = readPackages(join(root, 'package-lock.json'))
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '' || installed[path]?.version === version) return true
    return optional === true && installed[path] === undefined && Object.keys(installed).length > 0
  })
}

/** True when every line that `patches/` adds to a package is there. */
function isPatched() {
  return listFiles(join(root, 'patches')).every((file) => {
    const [, ...diffs] = readFileSync(file, 'utf8').split(/^diff --git .*$/m)
    return diffs.every((diff) => {
      const target = join(root, /^\+\+\+ b\/(.*)$/m.exec(diff)[1])
      const text = existsSync(target) ? readFileSync(target, 'utf8') : ''
      const added = diff.split('\n').filter((line) => /^\+(?!\+\+ )/.test(line))
      return added.every((line) => text.includes(line.slice(1)))
    })
  })
}

function readPackages(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {}
}

/** Compiles to dist when the sources are not those that dist was made from. */
export async function build() {
  const wanted = hashFiles(sourceFiles())
  if (readStamp(buildStamp) === wanted) return
  say('Building …')
  const code = await run(process.execPath, [join(root, 'scripts', 'build.mjs')])
  if (code !== 0) fail('The build failed: see above.')
}

/** Records what dist was made from. build.mjs calls it at its end. */
export function stampBuild(hash) {
  mkdirSync(dirname(buildStamp), { recursive: true })
  writeFileSync(buildStamp, hash)
}

/** Lists every file that decides what dist holds. */
export function sourceFiles() {
  return [
    ...[
      'package-lock.json',
      'tsconfig.json',
      join('scripts', 'build.mjs'),
      join('scripts', 'build-page.mjs'),
      join('scripts', 'bundle.mjs'),
    ].map((name) => join(root, name)),
    // dist holds packages too, as they are patched.
    ...['patches', 'src', 'workers', 'migrations', 'web'].flatMap((name) =>
      listFiles(join(root, name)),
    ),
  ]
}

/** Returns a SHA-256 over the names and contents of files, and the version of Node. */
export function hashFiles(paths) {
  const hash = createHash('sha256').update(process.version)
  for (const path of paths.toSorted()) {
    if (existsSync(path)) hash.update(`\0${path.slice(root.length)}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

/** Starts a program on our terminal. Resolves to its exit code. */
export function run(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
  return new Promise((done) => {
    child.once('error', (error) => {
      console.error(error.message)
      done(1)
    })
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 128)))
  })
}

function listFiles(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

function say(text) {
  console.error(`runmill: ${text}`)
}

function fail(text) {
  console.error(`runmill: ${text}`)
  process.exit(1)
}
