import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { hasProcessEnded, nameThisProcess } from '../../src/embedded/process-identity.ts'

const file = fileURLToPath(new URL('../../src/embedded/process-identity.ts', import.meta.url))
const program = `
  const { nameThisProcess } = await import(${JSON.stringify(file)})
  console.log(await nameThisProcess())
  setInterval(() => {}, 60_000)`

test('a process of this machine that was killed has ended; whether others have cannot be known', async () => {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const name = line.toString().trim()
  const own = await nameThisProcess()
  expect(name).not.toContain(':')
  expect(name).not.toBe(own)
  expect(await hasProcessEnded(name)).toBe(false)
  expect(await hasProcessEnded(own)).toBe(false)

  // Only Linux tells for certain.
  const isKnown = process.platform === 'linux'
  const [place, pid, start] = name.split('/')
  const laterProcess = [place, pid, `${start}1`].join('/')
  expect(await hasProcessEnded(laterProcess)).toBe(isKnown)

  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await hasProcessEnded(name)).toBe(isKnown)
  const elsewhere = [`${place}0`, pid, start].join('/')
  expect(await hasProcessEnded(elsewhere)).toBe(false)
  expect(await hasProcessEnded('no name')).toBe(false)
})
