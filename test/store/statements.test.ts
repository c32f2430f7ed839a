import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

interface Statement {
  name: string
  header: string
  text: string
}

const folder = 'src/store/sql'
const statements = readdirSync(folder)
  .filter((file) => /^[a-z-]+\.sql$/.test(file))
  .flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split(/^(?=-- name: )/m)
      .map((whole): Statement => {
        const header = /^(?:--.*\n)+/.exec(whole)?.[0] ?? ''
        return {
          name: /^-- name: (.*)/.exec(header)?.[1] ?? `${file}: ${whole.slice(0, 40)}`,
          header,
          text: whole.slice(header.length).replaceAll(/--.*$/gm, '').trim(),
        }
      }),
  )

const files = readdirSync('src/store', { encoding: 'utf8', recursive: true })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, source: readFileSync(join('src/store', file), 'utf8') }))

const namesOf = (wrong: { name: string }[]): string[] => wrong.map(({ name }) => name)

test('every statement says what a repeat does, or that it only reads', () => {
  expect(namesOf(statements.filter(({ header }) => !/repeat|Reads only/.test(header)))).toEqual([])
})

test('what only reads locks and changes nothing, because it may be run on a replica', () => {
  const writes =
    /\bfor (?:no key update|update|share|key share)\b|\b(?:insert into|delete from|nextval|pg_advisory)\b/
  const reads = statements.filter(({ header }) => header.includes('Reads only.'))
  expect(reads.length).toBeGreaterThan(0)
  expect(namesOf(reads.filter(({ text }) => writes.test(text)))).toEqual([])
  const composed = files.flatMap(({ source }) =>
    [...source.matchAll(/`\s*-- name: (\S+)\n(?:[ \t]*--.*\n)*?.*\bReads only\.\n([^`]*)/g)].map(
      ([, name, text]) => ({
        name: name!,
        text: text!,
      }),
    ),
  )
  expect(namesOf(composed.filter(({ text }) => writes.test(text)))).toEqual([])
})

test('every parameter of a statement is explained', () => {
  const explains = ({ header, text }: Statement): boolean =>
    [...text.matchAll(/\$\d+/g)].every(([parameter]) =>
      new RegExp(`\\${parameter}\\b`).test(header),
    )
  expect(namesOf(statements.filter((statement) => !explains(statement)))).toEqual([])
})

test('every statement has a name of its own, and is one statement', () => {
  const names = namesOf(statements)
  expect(names.filter((name) => !/^[a-z]+(?:_[a-z]+)+$/.test(name))).toEqual([])
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  expect(namesOf(statements.filter(({ text }) => text.indexOf(';') !== text.length - 1))).toEqual(
    [],
  )
})

test('every statement has one caller', () => {
  const source = files.map((each) => each.source).join('\n')
  expect(namesOf(statements.filter(({ name }) => source.split(`'${name}'`).length !== 2))).toEqual(
    [],
  )
})

describe('a statement that is composed at run time', () => {
  /** Matches a template that begins with the line of its name. */
  const composed = files.flatMap(({ source }) =>
    [...source.matchAll(/`\s*-- name: (\S+)\n((?:[ \t]*--.*\n)*)/g)].map(([, name, header]) => ({
      name: name!,
      header: header!,
    })),
  )

  test('says what a repeat does, or that it only reads', () => {
    expect(composed.length).toBeGreaterThan(0)
    expect(namesOf(composed.filter(({ header }) => !/repeat|Reads only/.test(header)))).toEqual([])
  })

  test('has a name that no other statement has', () => {
    const names = namesOf([...statements, ...composed])
    // `${kind}` stands for each kind of entity, whose upserts are generated.
    const isName = (name: string) => /^(?:[a-z]+|\$\{kind\})(?:_[a-z]+)+$/.test(name)
    expect(names.filter((name) => !isName(name))).toEqual([])
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  /** The files that may run a text without a name, and why. */
  const allowed: Record<string, string> = {
    'statements.ts': 'runs the others, whose names it has seen',
    'migrate.ts': 'runs the files of migrations/, which have numbers',
    'distribute.ts': 'names tables, foreign keys and functions that it has looked up',
  }

  test('is run under its name', () => {
    const unnamed = files.filter(({ source }) => /\brunText\b|\.unsafe\b/.test(source))
    expect(unnamed.map(({ file }) => file).filter((file) => !(file in allowed))).toEqual([])
  })
})
