import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { allMetrics } from './all-metrics.ts'

interface Panel {
  id: number
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string }[]
}
const dashboard = JSON.parse(readFileSync('ops/grafana/runmill.json', 'utf8')) as {
  panels: Panel[]
}
const { groups } = parse(readFileSync('ops/alerts.yml', 'utf8')) as {
  groups: { rules: { alert: string; expr: string; annotations: { runbook: string } }[] }[]
}
const rules = groups.flatMap((group) => group.rules)
const metrics = new Map(allMetrics().map((metric) => [metric.name, metric]))

/** The metrics that an expression names, with the labels that it asks them for. */
function namedIn(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/\b((?:runmill|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name, matchers = '']) => ({
      name: name!,
      labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!),
    }),
  )
}

const fromHistogram = /_(?:bucket|sum|count)$/
/** Prometheus adds these itself. */
const added = ['instance', 'job', 'le', 'alertname']

describe.each([
  ['the dashboard', dashboard.panels.flatMap((panel) => panel.targets ?? [])],
  ['the alerts', rules],
])('%s', (_, expressions) => {
  test('names metrics that there are, by labels that they have', () => {
    expect(expressions.length).toBeGreaterThan(10)
    for (const { expr } of expressions) {
      const found = namedIn(expr)
      const known = found.map(({ name }) => {
        const metric = metrics.get(name) ?? metrics.get(name.replace(fromHistogram, ''))
        expect(metric?.name, `${name} in ${expr}`).toBeDefined()
        expect(metric!.type === 'histogram', expr).toBe(fromHistogram.test(name))
        return metric!
      })
      const labels = new Set([...added, ...known.flatMap((metric) => metric.labels)])
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names]) =>
        names!.split(', '),
      )
      for (const label of [...found.flatMap((each) => each.labels), ...grouped]) {
        expect(labels, `${label} in ${expr}`).toContain(label)
      }
    }
  })
})

test('each metric of Runmill is on the dashboard', () => {
  const text = JSON.stringify(dashboard)
  const missing = [...metrics.keys()].filter(
    (name) => name.startsWith('runmill_') && !text.includes(name),
  )
  expect(missing).toEqual([])
})

test('the panels of the dashboard have ids of their own and do not overlap', () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
})

test('docs/operations.md says of each alert what to do, and each points to a section that is there', () => {
  const document = readFileSync('docs/operations.md', 'utf8')
  const [, section] = /## Alerts([\s\S]*?)\n## /.exec(document)!
  const described = [...section!.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!)
  expect(described.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  const anchors = [...document.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!.toLowerCase().replaceAll(' ', '-'),
  )
  for (const { annotations } of rules) {
    const [file, anchor] = annotations.runbook.split('#')
    expect(file).toBe('docs/operations.md')
    expect(anchors).toContain(anchor)
  }
})
