/** What a file of an export may hold. `json` is the text of any JSON, `time` an ISO 8601 text. */
export type ColumnType = 'text' | 'number' | 'integer' | 'time' | 'json'

export interface Column {
  name: string
  type: ColumnType
}

/** The value of each column, as its text or number; null where there is none. */
export type Cell = string | number | null

/** Thrown when a row has a column that the file was not begun with. */
export class NewColumns extends Error {
  override name = 'NewColumns'
  readonly columns: readonly string[]
  constructor(columns: readonly string[]) {
    super(`${columns.join(', ')} appeared`)
    this.columns = columns
  }
}

/** The columns of scores: in `keys`, a number is `score.KEY`, a label `label.KEY`, and what was said about it `reason.KEY`. */
export function scoreColumns(names: Iterable<string>): Column[] {
  return [...names]
    .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map((name) => ({ name, type: name.startsWith('score.') ? 'number' : 'text' }))
}

/** By key, and of each key the number first. */
function rank(name: string): string {
  const at = name.indexOf('.')
  const kinds = ['score', 'label', 'reason']
  return `${name.slice(at + 1)}\0${kinds.indexOf(name.slice(0, at))}`
}

export interface Score {
  score: number | null
  label: string | null
  reason: string | null
}

/** The cells of scores by the names of their columns. */
export function scoreCells(scores: Readonly<Record<string, Score>>): Map<string, Cell> {
  const cells = new Map<string, Cell>()
  for (const [key, { score, label, reason }] of Object.entries(scores)) {
    if (score !== null) cells.set(`score.${key}`, score)
    if (label !== null) cells.set(`label.${key}`, label)
    if (reason !== null) cells.set(`reason.${key}`, reason)
  }
  return cells
}
