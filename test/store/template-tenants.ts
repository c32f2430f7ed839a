import { scanSync } from 'libpg-query'
import { parseSync } from 'vite'
import { readsTables, type TenantSchema } from './statement-tenants.ts'

/*
 * Statements that are composed at run time are read as they are written: each template by itself. What a template names it
 * also binds, so that this holds however templates are put together.
 */

interface Template {
  quasis: { value: { cooked: string } }[]
  expressions: { start: number; end: number }[]
}

/**
 * Returns the templates that are tagged `sql`, and those that begin with the name of a statement. They have `$1` for
 * `${tenant}`, and for every other expression the word `hole`, or `table_hole` where it names a table.
 */
export function readSqlTemplates(file: string, source: string): string[] {
  const found: { template: Template; isTagged: boolean }[] = []
  collect(parseSync(file, source).program, found)
  return found.flatMap(({ template, isTagged }) => {
    const text = template.quasis
      .map(({ value }, i) => value.cooked + holeOf(template.expressions[i]))
      .join('')
    if (text.trim() === '' || (!isTagged && !text.trimStart().startsWith('-- name: '))) return []
    return [text]
  })

  function holeOf(expression: { start: number; end: number } | undefined): string {
    if (expression === undefined) return ''
    const code = source.slice(expression.start, expression.end)
    if (/^(?:tenant|anyTenant|itemTenant)$/.test(code)) return '$1'
    return /^raw\(|table/i.test(code) ? 'table_hole' : 'hole'
  }
}

function collect(node: unknown, found: { template: Template; isTagged: boolean }[]): void {
  if (Array.isArray(node)) for (const each of node) collect(each, found)
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return
  const { type, tag, quasi, ...rest } = node as Record<string, unknown>
  if (type === 'TaggedTemplateExpression') {
    if ((tag as { name?: string }).name === 'sql') {
      found.push({ template: quasi as Template, isTagged: true })
    }
    collect((quasi as { expressions: unknown }).expressions, found)
    return
  }
  if (type === 'TemplateLiteral') found.push({ template: rest as never, isTagged: false })
  collect(Object.values(rest), found)
}

/** Returns what keeps the statements that a template is part of from being sent to the one place where the tenant is. */
export function templateFaults(template: string, schema: TenantSchema): string[] {
  const tokens = scanSync(template).tokens.filter(({ tokenName }) => !/COMMENT/.test(tokenName))
  const words = tokens.map(({ text }) => text.toLowerCase())
  const at = (place: number): string => words[place] ?? ''
  const isWord = (place: number): boolean => /^[a-z_]\w*$/.test(at(place))
  const faults = new Set<string>()

  const bound: string[] = []
  const names: { table: string; alias: string }[] = []
  words.forEach((word, i) => {
    if (word === 'tenant_id') readTenant(i)
    else if (schema.functions.has(word) && at(i + 1) === '(') {
      faults.add(readsTables(word))
      if (at(i + 2) !== '$1') faults.add(`the tenant of ${word} is not $1`)
    } else if (isTable(i)) readTable(i)
    if (schema.views.has(word) && ['from', 'join'].includes(at(i - 1)))
      faults.add(readsTables(word))
  })
  for (const { table, alias } of names) {
    const place = bound.indexOf(alias)
    const any = place === -1 ? bound.indexOf('') : place
    if (any === -1)
      faults.add(`${alias === table ? table : `${table} as ${alias}`} is not bound to $1`)
    else bound.splice(any, 1)
  }
  return [...faults]

  function isTable(i: number): boolean {
    if (!schema.tables.has(at(i)) && at(i) !== 'table_hole') return false
    if (at(i - 1) === 'into') return true
    if (at(i + 1) === '.' || at(i + 1) === '(') return false
    if (i === 0) return schema.tables.has(at(i))
    return ['from', 'join', 'update', 'using'].includes(at(i - 1))
  }

  function readTable(i: number): void {
    if (at(i - 1) === 'into') readInsert(i)
    else if (at(i + 1) === 'as') names.push({ table: at(i), alias: at(i + 2) })
    else {
      const isOwn = isWord(i + 1) && tokens[i + 1]!.keywordName === 'NO_KEYWORD'
      const hasAlias = isOwn && !at(i + 1).endsWith('hole')
      names.push({ table: at(i), alias: hasAlias ? at(i + 1) : at(i) })
    }
  }

  /** The tenant is the first column, and the first value. */
  function readInsert(i: number): void {
    const open = words.indexOf('(', i)
    const values = words.findIndex(
      (word, place) => place > open && /^(?:select|values)$/.test(word),
    )
    const first = at(values + 1) === '(' ? values + 2 : values + 1
    if (at(open + 1) === 'tenant_id' && at(first) === '$1') return
    faults.add(`insert into ${at(i)}: the tenant is not $1`)
  }

  function readTenant(i: number): void {
    const isQualified = at(i - 1) === '.'
    const before = at(isQualified ? i - 3 : i - 1)
    const after = at(i + 1)
    if (after === '=' && at(i + 2) === '$1') bound.push(isQualified ? at(i - 2) : '')
    else if (/^[=<>]/.test(after) || /^[=<>]/.test(before) || after === 'in') {
      faults.add('a tenant is compared with something else than $1')
    } else if (
      before === '(' &&
      ['where', 'and', 'or', 'not'].includes(at(i - (isQualified ? 4 : 2)))
    ) {
      faults.add('a tenant is compared with something else than $1')
    }
  }
}
