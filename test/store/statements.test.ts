import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const folder = 'src/store/sql'
const names = readdirSync(folder)
  .map((file) => file.replace(/\.sql$/, ''))
  .toSorted()
const sources = ['src/store/read', 'src/store/write'].flatMap((at) =>
  readdirSync(at)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(at, file), 'utf8')),
)

describe.each(names)('%s.sql', (name) => {
  const text = readFileSync(join(folder, `${name}.sql`), 'utf8')
  const header = /^(?:--.*\n)+/.exec(text)?.[0] ?? ''
  const statement = text.slice(header.length).replaceAll(/--.*$/gm, '')

  test('says what it is for, what its parameters are, and what a repeat does', () => {
    expect(header).toMatch(/repeat|Reads only/)
    const parameters = new Set([...statement.matchAll(/\$(\d+)/g)].map((match) => match[1]))
    for (const parameter of parameters) expect(header).toContain(`$${parameter}`)
  })

  test('is one statement with one caller', () => {
    expect(statement.trim().replace(/;$/, '')).not.toContain(';')
    const calls = sources.join('\n').split(`'${name}'`).length - 1
    expect(calls).toBe(1)
  })
})
