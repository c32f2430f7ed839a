import { type MeasureColumn } from '../../domain/stats/experiment-columns.ts'
import type { MeasurePair, Pairing } from '../../domain/stats/pairing.ts'
import { placeOf } from '../../domain/stats/example-page.ts'
import { RawJson } from '../../domain/raw-json.ts'
import type { ComparedExample } from '../../store/read/compare/compared-examples.ts'
import type { RunAnswer } from './compare-schemas.ts'

/** An example as it is answered. @param place of the example in the pairing @param others ids of the other candidates */
export function rowFromExample(
  row: ComparedExample,
  pairing: Pairing,
  place: number,
  measures: readonly MeasurePair[],
  others: readonly string[],
) {
  const runs = JSON.parse(row.otherRuns) as RunAnswer[][]
  const json = (text: string | null) => (text === null ? null : new RawJson(text))
  return {
    example_id: row.id,
    created_at: row.createdAt,
    inputs: json(row.inputs),
    reference: json(row.outputs),
    metadata: json(row.metadata),
    baseline: new RawJson(row.baselineRuns),
    candidate: new RawJson(row.candidateRuns),
    measures: valuesAt(pairing, place, measures),
    others: others.map((id, i) => ({
      candidate_id: id,
      runs: runs[i]!,
      measures: {} as Record<string, Values>,
    })),
  }
}

export type Row = ReturnType<typeof rowFromExample>

/** Adds to rows what another candidate has. @param index among the other candidates */
export function addOther(
  rows: readonly Row[],
  index: number,
  pairing: Pairing,
  measures: readonly MeasurePair[],
): void {
  for (const { example_id: id, others } of rows) {
    const place = placeOf(pairing, id)
    if (place >= 0) others[index]!.measures = valuesAt(pairing, place, measures)
  }
}

interface Values {
  a: number | null
  b: number | null
  executions: { baseline: number; candidate: number }
}

function valuesAt(
  { baselinePlaces, candidatePlaces }: Pairing,
  place: number,
  measures: readonly MeasurePair[],
): Record<string, Values> {
  const [left, right] = [indexOf(baselinePlaces, place), indexOf(candidatePlaces, place)]
  const values: [key: string, Values][] = []
  for (const { key, baseline, candidate } of measures) {
    const [a, b] = [valueAt(baseline, left), valueAt(candidate, right)]
    if (a === null && b === null) continue
    const executions = { baseline: a?.k ?? 0, candidate: b?.k ?? 0 }
    values.push([key, { a: a?.mean ?? null, b: b?.mean ?? null, executions }])
  }
  return Object.fromEntries(values)
}

/** @returns the means of the candidate's side, by measure */
export function meansAt(
  { candidatePlaces }: Pairing,
  place: number,
  measures: readonly MeasurePair[],
): Record<string, number> {
  const at = indexOf(candidatePlaces, place)
  return Object.fromEntries(
    measures.flatMap(({ key, candidate }) => {
      const value = valueAt(candidate, at)
      return value === null ? [] : [[key, value.mean] as const]
    }),
  )
}

function valueAt(column: MeasureColumn | undefined, example: number) {
  if (column === undefined || example < 0) return null
  const i = indexOf(column.at, example)
  return i < 0 ? null : { mean: column.mean[i]!, k: column.k[i]! }
}

/** @returns where a value is in an ascending list, or -1 */
function indexOf(list: Uint32Array, value: number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]! < value) low = middle + 1
    else high = middle
  }
  return list[low] === value ? low : -1
}
