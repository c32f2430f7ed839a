import { Sql } from 'sql-template-tag'
import { tenant, type Parameter } from '../statements.ts'

/** TEMPORARY: text with placeholders as a fragment; `$1` is the tenant. */
export function fromText(compose: (bind: (value: Parameter) => string) => string): Sql {
  const values: Parameter[] = [null]
  const text = compose((value) => `$${values.push(value)}`)
  const pieces = text.split(/\$(\d+)/)
  const strings = pieces.filter((_, index) => index % 2 === 0)
  const bound = pieces
    .filter((_, index) => index % 2 === 1)
    .map((place) => (place === '1' ? tenant : values[Number(place) - 1]))
  return new Sql(strings, bound)
}

/** TEMPORARY: the fragment as text with placeholders. */
export function inline(fragment: Sql, bind: (value: never) => string): string {
  return fragment.strings.reduce((text, piece, index) => {
    const value = fragment.values[index - 1]
    return `${text}${value === tenant ? '$1' : bind(value as never)}${piece}`
  })
}

/** TEMPORARY: texts without values as fragments, each under its key. */
export function fragmentsOf<Key extends string>(texts: Readonly<Record<Key, string>>) {
  return Object.fromEntries(
    Object.entries<string>(texts).map(([key, text]) => [key, fromText(() => text)]),
  ) as Record<Key, Sql>
}
