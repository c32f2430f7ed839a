import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const maxFiles = 7
const maxLines = 1200

test('from route to row a newcomer reads at most seven files and 1,200 lines, and the README names them', () => {
  const section = /## How one write flows([\s\S]*?)\n## /.exec(
    readFileSync('README.md', 'utf8'),
  )![1]!
  const files = [...section.matchAll(/^\d\. \[[^\]]+\]\(([^)]+)\)/gm)].map((match) => match[1]!)
  const lines = files.map((file) => readFileSync(file, 'utf8').split('\n').length)
  expect(files).toHaveLength(maxFiles)
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(maxLines)
})
