import { parseSync } from 'libpg-query'

/** What the schema says of tenants. */
export interface TenantSchema {
  /** Tables with a column `tenant_id`, apart from those that every node of an engine would have. */
  tables: ReadonlySet<string>
  /** Functions that read such tables. Their first argument is the tenant. */
  functions: ReadonlySet<string>
  /** Views, which carry the tenant into their joins. */
  views: ReadonlySet<string>
}

/** Reads test/fixtures/schema.sql. @param whole tables that are not distributed by tenant */
export function readTenantSchema(dump: string, whole: ReadonlySet<string>): TenantSchema {
  const functions = [...dump.matchAll(/FUNCTION public\.(\w+)\(tenant uuid/g)].map(
    ([, name]) => name!,
  )
  const tables = new Set<string>()
  const views = new Set<string>()
  for (const part of dump.split(/^(?=-- (?:table|view|sequence) |CREATE OR REPLACE FUNCTION )/m)) {
    const [, kind, name] = /^-- (table|view) (\w+)/.exec(part) ?? []
    if (name === undefined || whole.has(name)) continue
    if (kind === 'view') views.add(name)
    else if (/^ {2}tenant_id uuid/m.test(part)) tables.add(name)
  }
  return { tables, functions: new Set(functions), views }
}

/**
 * Functions and operators that are not immutable, of those that statements use. An engine that sends an update to several
 * copies refuses them where they read a column.
 */
const stableFunctions = new Set(['date_trunc', 'to_char', 'to_timestamp', 'now', 'date_part'])

/** What is wrong with a function or view that reads tables: an engine cannot look into it, or does not see of which tenant. */
export function readsTables(name: string): string {
  return `${name} reads tables`
}

type Node = Record<string, unknown>

/**
 * Returns what keeps a statement from being sent to the one place where the tenant `$1` is: a table that is not bound to
 * `$1`, a comparison with another tenant than `$1`, a function that reads tables, a function in an update that could give
 * different results, or a parameter after a conflict of rows that were selected.
 * @throws when Postgres would not parse the statement
 */
export function tenantFaults(text: string, schema: TenantSchema): string[] {
  const faults = new Set<string>()
  const say = (fault: string): void => void faults.add(fault)
  let isOfTenant = false
  visit(parseSync(text).stmts ?? [], new Set())
  return isOfTenant ? [...faults] : []

  function visit(node: unknown, ctes: ReadonlySet<string>): void {
    if (Array.isArray(node)) for (const each of node) visit(each, ctes)
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return
    for (const [kind, value] of Object.entries(node)) {
      if (/^(?:Select|Insert|Update|Delete)Stmt$/.test(kind)) checkLevel(value as Node, ctes)
      else if (kind === 'larg' || kind === 'rarg') checkLevel(value as Node, ctes)
      else {
        if (kind === 'A_Expr') checkComparison(value as Node)
        if (kind === 'FuncCall') checkCall(value as Node)
        if (kind === 'RangeVar') checkView(String((value as Node).relname), ctes)
        visit(value, ctes)
      }
    }
  }

  /** Checks the tables that one level of a statement names, and then what is nested in it. */
  function checkLevel(statement: Node, outer: ReadonlySet<string>): void {
    const ctes = new Set([...outer, ...cteNames(statement)])
    const from = [statement.fromClause, statement.usingClause]
    const names: { table: string; alias: string }[] = []
    const conditions = conjuncts(statement.whereClause)
    for (const source of from) collectSources(source, names, conditions)
    const target = statement.relation as Node | undefined
    const isInsert = statement.cols !== undefined || statement.selectStmt !== undefined
    if (target !== undefined && isInsert) checkInsert(statement, target)
    else if (target !== undefined) names.push(nameOf(target))
    const bound = names.filter(({ table }) => schema.tables.has(table) && !ctes.has(table))
    if (bound.length > 0) isOfTenant = true
    for (const { table, alias } of bound) {
      const isBound = conditions.some((condition) => binds(condition, alias, bound.length === 1))
      if (!isBound) say(`${alias === table ? table : `${table} as ${alias}`} is not bound to $1`)
    }
    checkSets(statement)
    visit(statement, ctes)
  }

  function checkInsert(statement: Node, target: Node): void {
    const table = String(target.relname)
    if (!schema.tables.has(table)) return
    isOfTenant = true
    const columns = (statement.cols as Node[] | undefined) ?? []
    const place = columns.findIndex((column) => (column.ResTarget as Node).name === 'tenant_id')
    const rows = place === -1 ? [] : insertedRows((statement.selectStmt as Node).SelectStmt as Node)
    if (rows.length === 0 || !rows.every((row) => isTenant(row[place]))) {
      say(`insert into ${table}: the tenant is not $1`)
    }
  }

  function checkComparison(comparison: Node): void {
    const { lexpr, rexpr } = comparison
    const [left, right] = [namesTenant(lexpr), namesTenant(rexpr)]
    if (left && right) say('a tenant is compared with a tenant of another table')
    else if ((left || right) && !(isEqual(comparison) && isTenant(rexpr))) {
      say('a tenant is compared with something else than $1')
    }
  }

  function checkCall({ funcname, args }: Node): void {
    const name = lastName(funcname as Node[])
    if (!schema.functions.has(name)) return
    isOfTenant = true
    say(readsTables(name))
    if (!isTenant((args as unknown[])[0])) say(`the tenant of ${name} is not $1`)
  }

  function checkView(name: string, ctes: ReadonlySet<string>): void {
    if (!schema.views.has(name) || ctes.has(name)) return
    isOfTenant = true
    say(readsTables(name))
  }

  /** Checks what an update sets, and which rows it changes; also that of `on conflict`. What a query inside it reads may be anything. */
  function checkSets(statement: Node): void {
    const conflict = statement.onConflictClause as Node | undefined
    const isUpdate = statement.relation !== undefined && statement.cols === undefined
    const own = isUpdate ? [statement.targetList, statement.whereClause] : []
    const computed = [...own, conflict?.targetList, conflict?.whereClause]
    for (const call of computed.flatMap((part) => within(part, isStable))) {
      if (within(call, isColumn).length > 0) {
        say('an update computes with a function or operator that is not immutable')
      }
    }
    const rows = (statement.selectStmt as Node | undefined)?.SelectStmt as Node | undefined
    const isSelected = rows !== undefined && rows.valuesLists === undefined
    if (isSelected && within(conflict, isParameter).length > 0) {
      say('a parameter follows the conflict of selected rows')
    }
  }
}

function cteNames(statement: Node): string[] {
  const ctes = ((statement.withClause as Node | undefined)?.ctes ?? []) as Node[]
  return ctes.map((cte) => String((cte.CommonTableExpr as Node).ctename))
}

function nameOf(table: Node): { table: string; alias: string } {
  const alias = (table.alias as Node | undefined)?.aliasname
  return { table: String(table.relname), alias: String(alias ?? table.relname) }
}

/** Adds the tables of a `from`, and the conditions of its joins. What a subquery names is not of this level. */
function collectSources(
  node: unknown,
  names: { table: string; alias: string }[],
  conditions: Node[],
): void {
  for (const source of (Array.isArray(node) ? node : [node]) as Node[]) {
    if (source?.RangeVar !== undefined) names.push(nameOf(source.RangeVar as Node))
    const join = source?.JoinExpr as Node | undefined
    if (join === undefined) continue
    conditions.push(...conjuncts(join.quals))
    collectSources([join.larg, join.rarg], names, conditions)
  }
}

/** The conditions that all have to hold. */
function conjuncts(condition: unknown): Node[] {
  if (condition === undefined) return []
  const bool = (condition as Node).BoolExpr as Node | undefined
  if (bool?.boolop === 'AND_EXPR') return (bool.args as unknown[]).flatMap(conjuncts)
  return [condition as Node]
}

/** Whether a condition is `<alias>.tenant_id = $1`. */
function binds(condition: Node, alias: string, isOnly: boolean): boolean {
  const comparison = condition.A_Expr as Node | undefined
  if (comparison === undefined || !isEqual(comparison)) return false
  const column = fieldsOf(comparison.lexpr)
  if (!isTenant(comparison.rexpr) || column.at(-1) !== 'tenant_id') return false
  return column.length === 1 ? isOnly : column[0] === alias
}

function isEqual({ kind, name }: Node): boolean {
  return kind === 'AEXPR_OP' && lastName(name as Node[]) === '='
}

function fieldsOf(node: unknown): string[] {
  const fields = ((node as Node | undefined)?.ColumnRef as Node | undefined)?.fields as Node[]
  return (fields ?? []).map((field) => String((field.String as Node | undefined)?.sval))
}

function namesTenant(node: unknown): boolean {
  if (node === undefined) return false
  const row = (node as Node).RowExpr as Node | undefined
  if (row !== undefined) return (row.args as unknown[]).some(namesTenant)
  return fieldsOf(node).at(-1) === 'tenant_id'
}

/** Whether an expression is `$1`, also with a cast. */
function isTenant(node: unknown): boolean {
  const cast = (node as Node | undefined)?.TypeCast as Node | undefined
  if (cast !== undefined) return isTenant(cast.arg)
  return ((node as Node | undefined)?.ParamRef as Node | undefined)?.number === 1
}

/** The expressions of each `values` or `select` of an insert. */
function insertedRows(select: Node): unknown[][] {
  if (select.larg !== undefined) {
    return [...insertedRows(select.larg as Node), ...insertedRows(select.rarg as Node)]
  }
  const lists = select.valuesLists as Node[] | undefined
  if (lists !== undefined) return lists.map((list) => (list.List as Node).items as unknown[])
  const targets = (select.targetList ?? []) as Node[]
  return [targets.map((target) => (target.ResTarget as Node).val)]
}

function lastName(names: Node[]): string {
  return String((names.at(-1)!.String as Node).sval)
}

/** All nodes inside one that meet a condition, apart from those of a query inside it. */
function within(node: unknown, meets: (kind: string, value: Node) => boolean): unknown[] {
  if (Array.isArray(node)) return node.flatMap((each) => within(each, meets))
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([kind, value]) => {
    if (kind === 'SelectStmt') return []
    return [...(meets(kind, value as Node) ? [value] : []), ...within(value, meets)]
  })
}

function isParameter(kind: string): boolean {
  return kind === 'ParamRef'
}

function isColumn(kind: string): boolean {
  return kind === 'ColumnRef'
}

function isStable(kind: string, value: Node): boolean {
  if (kind === 'FuncCall') return stableFunctions.has(lastName(value.funcname as Node[]))
  if (kind !== 'A_Expr' || !/^[+-]$/.test(lastName(value.name as Node[]))) return false
  return [value.lexpr, value.rexpr].some((side) => {
    const cast = (side as Node | undefined)?.TypeCast as Node | undefined
    return cast !== undefined && lastName((cast.typeName as Node).names as Node[]) === 'interval'
  })
}
