import { lazy, Suspense } from 'preact/compat'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Json } from '../../api/answers.ts'
import { CopyButton } from '../copy-button.tsx'
import { jsonText } from '../json-text.ts'
import { Chat, messagesOf } from './chat.tsx'
import { JsonTree } from './json-tree.tsx'

const Markdown = lazy(async () => import('./markdown.tsx'))

const modes = ['text', 'markdown', 'chat', 'json'] as const
type Mode = (typeof modes)[number]

const labels: Record<Mode, string> = {
  text: 'Text',
  markdown: 'Markdown',
  chat: 'Chat',
  json: 'JSON',
}

/** More characters than that are shown when somebody asks for them. */
const longest = 20_000

/**
 * A payload, shown as text, Markdown, chat or JSON. What somebody chooses is remembered for the field. Nothing in it is
 * ever taken for markup that the browser runs.
 * @param place names the field across examples, for example `<dataset>/output`
 */
export function Field({
  name,
  place,
  value,
  head,
  tone,
}: {
  name: string
  place: string
  value: Json
  /** Shown in place of the name. */
  head?: ComponentChildren
  tone?: 'bad'
}) {
  const stored = `runmill.viewer.${place}`
  const [chosen, setChosen] = useState(localStorage.getItem(stored))
  const [isWhole, setWhole] = useState(false)
  const text = textOf(value)
  const can = modes.filter((mode) => fits(mode, value))
  const mode = can.find((each) => each === chosen) ?? usualMode(value)
  const isCut = text.length > longest && !isWhole && mode !== 'json'
  return (
    <section class={tone === 'bad' ? 'field field-bad' : 'field'} aria-label={name}>
      <div class="section-head">
        {head ?? <h3>{name}</h3>}
        <span class="field-actions">
          <select
            aria-label={`Show ${name} as`}
            value={mode}
            onChange={({ currentTarget }) => {
              localStorage.setItem(stored, currentTarget.value)
              setChosen(currentTarget.value)
            }}
          >
            {can.map((each) => (
              <option key={each} value={each}>
                {labels[each]}
              </option>
            ))}
          </select>
          <CopyButton text={() => text} />
        </span>
      </div>
      {value === null ? (
        <p class="nothing">There is none.</p>
      ) : (
        <div class="field-body" tabIndex={0} role="group" aria-label={`${name}, content`}>
          {mode === 'json' && <JsonTree value={value} />}
          {mode === 'chat' && <Chat messages={messagesOf(value) ?? []} />}
          {mode === 'text' && <pre class="text">{isCut ? text.slice(0, longest) : text}</pre>}
          {mode === 'markdown' && (
            <Suspense fallback={<pre class="text">{text.slice(0, longest)}</pre>}>
              <Markdown text={isCut ? text.slice(0, longest) : text} />
            </Suspense>
          )}
          {isCut && (
            <button type="button" onClick={() => setWhole(true)}>
              Show all {text.length.toLocaleString('en')} characters
            </button>
          )}
        </div>
      )}
    </section>
  )
}

/** An object with one text in it is that text; other objects are JSON with indentation. */
export function textOf(value: Json): string {
  const text = onlyText(value)
  return text ?? jsonText(value, 2)
}

function onlyText(value: Json): string | null {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  const values = Object.values(value)
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : null
}

function fits(mode: Mode, value: Json): boolean {
  if (mode === 'chat') return messagesOf(value) !== null
  return mode !== 'markdown' || onlyText(value) !== null
}

function usualMode(value: Json): Mode {
  if (messagesOf(value) !== null) return 'chat'
  const text = onlyText(value)
  if (text === null) return 'json'
  return /^#{1,4} |^[-*] |\*\*|^\d+\. |```|^\|/m.test(text) ? 'markdown' : 'text'
}
