import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Statement {
  name: string
  header: string
  text: string
}

const folder = 'src/store/sql'
const statements = readdirSync(folder).flatMap((file) =>
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
const source = ['src/store/read', 'src/store/write']
  .flatMap((at) =>
    readdirSync(at, { encoding: 'utf8', recursive: true })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(at, file), 'utf8')),
  )
  .join('\n')

const namesOf = (wrong: Statement[]): string[] => wrong.map(({ name }) => name)

test('every statement says what a repeat does, or that it only reads', () => {
  expect(namesOf(statements.filter(({ header }) => !/repeat|Reads only/.test(header)))).toEqual([])
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
  expect(namesOf(statements.filter(({ name }) => source.split(`'${name}'`).length !== 2))).toEqual(
    [],
  )
})
