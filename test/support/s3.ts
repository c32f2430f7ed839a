import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3Options } from '../../src/blobs/backends/s3.ts'
import { findFreePort } from './free-port.ts'

export interface S3Server {
  readonly url: string
  /** Makes an empty bucket, and returns how to reach it. */
  createBucket(name: string): Promise<S3Options>
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

/** Frozen, because settings are. */
const credentials = Object.freeze({
  accessKeyId: 'test-access',
  secretAccessKey: 'test-secret',
})

/**
 * Whether tests run against a server that speaks S3: when versitygw is installed, and in any case with
 * RUNMILL_TEST_S3=1, so that CI cannot go green without it.
 */
export function testsRunOnS3(): boolean {
  if (process.env.RUNMILL_TEST_S3 === '1') return true
  const installed = spawnSync('versitygw', ['--version']).status === 0
  if (!installed) console.warn('versitygw is not installed: these tests ran without S3.')
  return installed
}

/** Starts a Versity S3 Gateway on a free port, over a temporary folder. */
export async function startS3(): Promise<S3Server> {
  const dir = await mkdtemp(join(tmpdir(), 'runmill-s3-'))
  const port = await findFreePort()
  const server = spawn(
    'versitygw',
    // Temporary folders often have neither extended attributes nor O_TMPFILE.
    `--quiet --port 127.0.0.1:${port} posix --nometa --disableotmp ${dir}`.split(' '),
    {
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const url = `http://127.0.0.1:${port}`
  await waitUntilAnswers(server, url)
  return {
    url,
    async createBucket(name) {
      await mkdir(join(dir, name))
      return { bucket: name, endpoint: url, region: 'us-east-1', credentials }
    },
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        const exited = once(server, 'exit')
        server.kill('SIGKILL')
        await exited
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Asks the server until it answers, because it does not announce when it listens. */
async function waitUntilAnswers(server: ChildProcess, url: string): Promise<void> {
  let output = ''
  let failure: Error | undefined
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  server.on('error', (error) => (failure = error))
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(url).catch(() => null)
    await answer?.body?.cancel()
    if (answer !== null) return
    if (failure !== undefined || server.exitCode !== null || attempt === 1200) {
      throw new Error(`versitygw does not answer:\n${output}`, { cause: failure })
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
