import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Statement {
  name: string
  header: string
  text: string
}

const folder = 'src/store/sql'
const statements = readdirSync(folder).map((file): Statement => {
  const whole = readFileSync(join(folder, file), 'utf8')
  const header = /^(?:--.*\n)+/.exec(whole)?.[0] ?? ''
  return {
    name: file.replace(/\.sql$/, ''),
    header,
    text: whole.slice(header.length).replaceAll(/--.*$/gm, '').trim(),
  }
})
const source = ['src/store/read', 'src/store/write']
  .flatMap((at) => readdirSync(at).map((file) => readFileSync(join(at, file), 'utf8')))
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

test('every file is one statement', () => {
  expect(namesOf(statements.filter(({ text }) => text.replace(/;$/, '').includes(';')))).toEqual([])
})

test('every statement has one caller', () => {
  expect(namesOf(statements.filter(({ name }) => source.split(`'${name}'`).length !== 2))).toEqual(
    [],
  )
})
