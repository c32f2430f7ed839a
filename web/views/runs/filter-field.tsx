import { useEffect, useState } from 'preact/hooks'

const examples: readonly (readonly [filter: string, means: string])[] = [
  ['eq(run_type, "llm")', 'calls of models'],
  ['gt(latency, 5)', 'longer than five seconds'],
  ['gt(total_tokens, 4000)', 'many tokens'],
  ['eq(error, true)', 'failed'],
  ['search("timeout")', 'with this text in input or output'],
  ['has(tags, "prod")', 'with this tag'],
  ['and(eq(metadata_key, "branch"), eq(metadata_value, "main"))', 'with this metadata'],
  ['and(eq(feedback_key, "correct"), lt(feedback_score, 0.5))', 'with a low score'],
  ['or(eq(name, "agent"), eq(name, "tool"))', 'with one of these names'],
]

/** Takes a filter in LangSmith's language. It is used on Enter. @param problem why the server does not take it */
export function FilterField({
  value,
  problem,
  change,
}: {
  value: string
  problem: string | null
  change: (text: string) => void
}) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  const use = (text: string) => {
    setTyped(text)
    change(text.trim())
  }
  return (
    <form
      class="filter-form"
      onSubmit={(event) => {
        event.preventDefault()
        use(typed)
      }}
    >
      <div class="field">
        <label for="filter">Filter</label>
        <input
          id="filter"
          type="search"
          class="mono"
          spellcheck={false}
          autocomplete="off"
          placeholder={'and(eq(run_type, "llm"), gt(latency, 2))'}
          value={typed}
          aria-invalid={problem !== null}
          aria-describedby="filter-help"
          onInput={(event) => setTyped(event.currentTarget.value)}
          onSearch={(event: Event) => {
            // The cross that browsers draw clears the field and sends nothing else.
            if ((event.currentTarget as HTMLInputElement).value === '') use('')
          }}
        />
      </div>
      <details class="filter-help">
        <summary>Examples</summary>
        <div class="filter-examples">
          <ul>
            {examples.map(([filter, means]) => (
              <li key={filter}>
                <button
                  type="button"
                  class="quiet"
                  onClick={(event) => {
                    event.currentTarget.closest('details')?.removeAttribute('open')
                    use(filter)
                  }}
                >
                  <code>{filter}</code> <span class="soft">{means}</span>
                </button>
              </li>
            ))}
          </ul>
          <p class="soft">
            Comparisons are <code>eq neq gt gte lt lte in like search has</code>, and{' '}
            <code>and or not</code> join them: LangSmith’s language, as in its SDK’s{' '}
            <code>list_runs</code>.
          </p>
        </div>
      </details>
      <p id="filter-help" class={problem === null ? 'unseen' : 'field-problem'} role="alert">
        {problem ?? ''}
      </p>
    </form>
  )
}
