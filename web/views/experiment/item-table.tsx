import type { Json } from '../../api/answers.ts'
import type { ItemsAnswer } from '../../api/run-answers.ts'
import { compactCount, cost, duration, short } from '../../parts/format.ts'
import { preview } from '../../parts/preview.ts'
import { Status } from '../../parts/status.tsx'

type Item = ItemsAnswer['items'][number]

/** Examples with what the experiment made of them. A click on a head sorts over all of them. */
export function ItemTable({
  items,
  keys,
  sort,
  order,
  open,
  sortBy,
  show,
}: {
  items: readonly Item[]
  keys: readonly string[]
  sort: string | null
  order: 'asc' | 'desc'
  open: string | null
  sortBy: (key: string | null, order: 'asc' | 'desc') => void
  show: (example: string) => void
}) {
  const sorter = { sort, order, sortBy }
  return (
    <div class="table-frame items">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Example</th>
            <th scope="col">Output</th>
            {keys.map((key) => (
              <SortHead key={key} name={key} {...sorter} />
            ))}
            <SortHead name="latency" {...sorter} />
            <SortHead name="tokens" {...sorter} />
            <SortHead name="cost" {...sorter} />
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <Row
              key={item.example_id}
              item={item}
              keys={keys}
              isOpen={item.example_id === open}
              show={show}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function SortHead({
  name,
  sort,
  order,
  sortBy,
}: {
  name: string
  sort: string | null
  order: 'asc' | 'desc'
  sortBy: (key: string | null, order: 'asc' | 'desc') => void
}) {
  const isSorted = sort === name
  const sign = isSorted ? (order === 'asc' ? '↑' : '↓') : ''
  return (
    <th
      scope="col"
      class="number"
      aria-sort={isSorted ? (order === 'asc' ? 'ascending' : 'descending') : 'none'}
    >
      <button
        type="button"
        class="sorter cut"
        title={`Sort by ${name}`}
        onClick={() => {
          if (!isSorted) sortBy(name, 'asc')
          else if (order === 'asc') sortBy(name, 'desc')
          else sortBy(null, 'asc')
        }}
      >
        {name} <span aria-hidden="true">{sign}</span>
      </button>
    </th>
  )
}

function Row({
  item,
  keys,
  isOpen,
  show,
}: {
  item: Item
  keys: readonly string[]
  isOpen: boolean
  show: (example: string) => void
}) {
  const failed = item.previews.find(({ error }) => error !== null)
  const output = item.previews.find(({ outputs }) => outputs !== null)?.outputs ?? null
  const status = item.runs.some((run) => run.status === 'error')
    ? 'error'
    : item.runs.some((run) => run.status === 'pending')
      ? 'pending'
      : 'success'
  return (
    <tr class={isOpen ? 'chosen' : undefined}>
      <th scope="row">
        <button
          type="button"
          class="opener"
          aria-expanded={isOpen}
          onClick={() => show(item.example_id)}
        >
          <span class="clamp">{lineOf(item.inputs_preview) ?? item.example_id}</span>
        </button>
        {item.reference_preview !== null && (
          <span class="note clamp">expected {lineOf(item.reference_preview)}</span>
        )}
      </th>
      <td class="wrap item-output">
        <span class="item-status">
          <Status status={status} isShort={status === 'success'} />
          {item.runs.length > 1 && <span class="faint">×{item.runs.length}</span>}
        </span>
        <span class={failed === undefined ? 'clamp soft' : 'clamp bad'}>
          {failed?.error ?? lineOf(output) ?? <span class="faint">none</span>}
        </span>
      </td>
      {keys.map((key) => (
        <td key={key} class="number">
          <Value value={item.measures[key]} write={short} />
        </td>
      ))}
      <td class="number">
        <Value value={item.measures['latency']} write={duration} />
      </td>
      <td class="number">
        <Value value={item.measures['tokens']} write={(value) => compactCount(Math.round(value))} />
      </td>
      <td class="number">
        <Value value={item.measures['cost']} write={cost} />
      </td>
    </tr>
  )
}

function Value({
  value,
  write,
}: {
  value: number | null | undefined
  write: (value: number) => string
}) {
  return value === null || value === undefined ? (
    <span class="faint">none</span>
  ) : (
    <>{write(value)}</>
  )
}

/** A preview is the beginning of JSON, or of a text. What is whole is shown as a person would say it. */
function lineOf(text: string | null): string | null {
  if (text === null) return null
  try {
    return preview(JSON.parse(text) as Json)
  } catch {
    return text
  }
}
