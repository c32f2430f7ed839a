// npm run check: checks format, lint, types and dead code at the same time. Each prints only when it fails.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkNode, install, root } from './prepare.mjs'

checkNode()
await install()

const bin = (name) => join(root, 'node_modules', '.bin', name)
const checks = [
  ['format', bin('biome'), ['format', '--error-on-warnings', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings', '.']],
  ['types', bin('tsc'), ['-p', '.']],
  ['types of the page', bin('tsc'), ['-p', 'web']],
  ['dead code', bin('knip'), ['--no-progress', '--treat-config-hints-as-errors']],
]

const results = await Promise.all(checks.map(([name, command, args]) => check(name, command, args)))
const failed = results.filter((ok) => !ok).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function check(name, command, args) {
  const startedAt = Date.now()
  const child = spawn(command, args, { cwd: root, shell: process.platform === 'win32' })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((done) => {
    child.once('error', (error) => (output += error.message))
    child.once('close', (code) => {
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
      if (code !== 0) console.log(output)
      done(code === 0)
    })
  })
}
