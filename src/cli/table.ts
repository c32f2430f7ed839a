import { plain } from './render.ts'

/** A table for a terminal: columns as wide as their widest cell, up to `mostWidth`. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(fitted))
  const widths = head.map((_, i) => Math.max(...lines.map((row) => row[i]?.length ?? 0)))
  return lines
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const mostWidth = 48

function fitted(cell: string): string {
  const text = plain(cell.replaceAll('\n', ' '))
  return text.length > mostWidth ? `${text.slice(0, mostWidth - 1)}…` : text
}

/** A time as its day and minute, in UTC. */
export function timeText(time: string | null): string {
  if (time === null) return '–'
  const ms = Date.parse(/[Zz]|[+-]\d\d:\d\d$/.test(time) ? time : `${time}Z`)
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

export function numberText(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(3)))
}
