import { useState } from 'preact/hooks'
import type { Json } from '../../api/answers.ts'

/** Of one array or object, so many entries are shown before somebody asks for more. */
const step = 100

/** Levels that are open at first. */
const openDepth = 3

/** JSON as a tree whose branches open and close. */
export function JsonTree({ value }: { value: Json }) {
  return (
    <div class="json">
      <Node value={value} depth={0} />
    </div>
  )
}

function Node({ name, value, depth }: { name?: string; value: Json; depth: number }) {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    return (
      <div class="json-line">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    )
  }
  return <Branch {...(name === undefined ? {} : { name })} value={value} depth={depth} />
}

function Branch({ name, value, depth }: { name?: string; value: object; depth: number }) {
  const entries = Object.entries(value as Record<string, Json>)
  const [isOpen, setOpen] = useState(depth < openDepth && entries.length <= step)
  const [shown, setShown] = useState(step)
  const isArray = Array.isArray(value)
  const size = isArray ? `[${entries.length}]` : `{${entries.length}}`
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="json-size">{size}</span>
      </summary>
      {isOpen && (
        <div class="json-branch">
          {entries.slice(0, shown).map(([key, each]) => (
            <Node key={key} name={key} value={each} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <button type="button" onClick={() => setShown(shown + step)}>
              Show more of {entries.length}
            </button>
          )}
        </div>
      )}
    </details>
  )
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="json-name">{name}: </span>
}

function Leaf({ value }: { value: Json }) {
  if (typeof value === 'string') return <span class="json-string">{JSON.stringify(value)}</span>
  return <span class="json-plain">{JSON.stringify(value)}</span>
}
