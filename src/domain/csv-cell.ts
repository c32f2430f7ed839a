/** How a spreadsheet's formula begins, in the plain and the full width forms of the characters. */
const formula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Returns the text of a cell such that no spreadsheet runs it: what looks like a formula gets an apostrophe in front, by
 * which spreadsheets know text. Numbers stay as they are. Whoever reads the file by program, and needs every text as it
 * was, takes the export as JSON Lines.
 */
export function csvCell(text: string): string {
  return formula.test(text) && !number.test(text) ? `'${text}` : text
}
