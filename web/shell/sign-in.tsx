import { useState } from 'preact/hooks'
import { ApiError, request } from '../api/client.ts'
import { sessionOf, startSession, whyEnded } from '../api/session.ts'
import { Mark } from './mark.tsx'

/** Asks for a key, and looks whether the server takes it. */
export function SignIn() {
  const [key, setKey] = useState('')
  const [problem, setProblem] = useState(whyEnded())
  const [isBusy, setBusy] = useState(false)

  const submit = async (event: Event) => {
    event.preventDefault()
    const typed = key.trim()
    if (typed === '') return setProblem('Type or paste a secret key.')
    if (/^pk-[^:]*$/.test(typed))
      return setProblem(
        'That is the public key, which cannot read. The secret key begins with sk-.',
      )
    // A header cannot carry it. A pair is encoded.
    if (!typed.includes(':') && /[^\x20-\x7e]/.test(typed))
      return setProblem('That is no key: it has a character that no key has.')
    setBusy(true)
    try {
      const session = sessionOf(typed)
      await request('/api/runmill/datasets?limit=1', { session })
      startSession(session)
    } catch (error) {
      setProblem(sentenceOf(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <main class="sign-in">
      <form class="sign-in-form" onSubmit={(event) => void submit(event)}>
        <div class="brand">
          <Mark />
          Runmill
        </div>
        <h1>Sign in with a key</h1>
        <label for="key">Secret key</label>
        <input
          id="key"
          name="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          placeholder="sk-…"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
          aria-describedby="key-help"
          aria-invalid={problem !== null}
          autofocus
        />
        {problem !== null && (
          <p class="field-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? 'Looking …' : 'Sign in'}
        </button>
        <p id="key-help" class="hint">
          The key that your SDK uses: <code>LANGFUSE_SECRET_KEY</code> or{' '}
          <code>LANGSMITH_API_KEY</code>. The first start of the server printed one, and{' '}
          <code>npm run keys</code> makes more. It is kept in this tab only, until you close it.
        </p>
      </form>
    </main>
  )
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) throw error
  switch (error.status) {
    case 0:
      return 'The server cannot be reached. Check that it is running, and try again.'
    case 401:
      return 'The server does not know this key. Look whether all of it was copied.'
    case 403:
      return 'This key may not read. Use one with the scope “read”.'
    default:
      return error.message
  }
}
