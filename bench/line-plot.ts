/** A plot over seconds, or over what its ticks say. */
export interface Plot {
  title: string
  lines: Line[]
  ticks?: { x: number; label: string }[]
}

export interface Line {
  name: string
  points: { x: number; y: number }[]
}

const width = 520
const height = 220
const margin = { left: 52, right: 14, top: 46, bottom: 26 }
/** Told apart by people who see few colours, on white and on black. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8c6d1f']

/** Draws columns of plots beside each other. */
export function plotsToSvg(columns: readonly (readonly Plot[])[]): string {
  const rows = Math.max(...columns.map((plots) => plots.length))
  const [w, h] = [columns.length * width, rows * height]
  const plots = columns.flatMap((column, x) =>
    column.map(
      (plot, y) => `<g transform="translate(${x * width} ${y * height})">${draw(plot)}</g>`,
    ),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="sans-serif" font-size="11">`,
    `<rect width="${w}" height="${h}" fill="#fff"/>`,
    ...plots,
    '</svg>',
    '',
  ].join('\n')
}

function draw({ title, lines, ticks }: Plot): string {
  const all = lines.flatMap(({ points }) => points)
  const right = Math.max(1, ...all.map(({ x }) => x))
  const step = niceStep(Math.max(...all.map(({ y }) => y), 0) / 4)
  const top = step * Math.max(1, Math.ceil(Math.max(...all.map(({ y }) => y), 0) / step))
  const atX = (x: number): string =>
    (margin.left + (Math.max(0, x) / right) * (width - margin.left - margin.right)).toFixed(1)
  const atY = (y: number): string =>
    (height - margin.bottom - (y / top) * (height - margin.top - margin.bottom)).toFixed(1)
  const parts = [`<text x="8" y="16" font-weight="bold">${title}</text>`]
  let legendAt = margin.left
  for (const [i, { name }] of lines.entries()) {
    parts.push(
      `<rect x="${legendAt}" y="25" width="10" height="3" fill="${colours[i]}"/><text x="${legendAt + 14}" y="31">${name}</text>`,
    )
    legendAt += 30 + name.length * 6
  }
  for (let y = 0; y <= top + step / 2; y += step) {
    parts.push(
      `<path d="M${atX(0)} ${atY(y)}H${width - margin.right}" stroke="#ddd"/><text x="${margin.left - 6}" y="${Number(atY(y)) + 4}" text-anchor="end">${label(y)}</text>`,
    )
  }
  for (const { x, label: text } of ticks ?? secondsUpTo(right)) {
    parts.push(`<text x="${atX(x)}" y="${height - 8}" text-anchor="middle">${text}</text>`)
  }
  for (const [i, { points }] of lines.entries()) {
    const path = points.map(({ x, y }) => `${atX(x)} ${atY(y)}`).join('L')
    if (path !== '') {
      parts.push(`<path d="M${path}" fill="none" stroke="${colours[i]}" stroke-width="1.5"/>`)
    }
  }
  return parts.join('\n')
}

function secondsUpTo(right: number): { x: number; label: string }[] {
  const step = niceStep(right / 6)
  return Array.from({ length: Math.floor(right / step) + 1 }, (_, i) => ({
    x: i * step,
    label: `${label(i * step)} s`,
  }))
}

/** @returns 1, 2 or 5 times a power of ten, not less than the wanted step */
function niceStep(wanted: number): number {
  if (!(wanted > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(wanted))
  return power * ([1, 2, 5, 10].find((each) => each * power >= wanted * 0.999) ?? 10)
}

function label(value: number): string {
  return String(Number(value.toPrecision(6)))
}
