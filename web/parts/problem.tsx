/** Shows what went wrong, and what to do. @param again tries it once more */
export function Problem({
  error,
  again,
  action = 'Try again',
}: {
  error: unknown
  again?: () => void
  action?: string
}) {
  const sentence = error instanceof Error ? error.message : String(error)
  return (
    <div class="problem" role="alert">
      <p>{sentence}</p>
      {again !== undefined && (
        <button type="button" onClick={again}>
          {action}
        </button>
      )}
    </div>
  )
}
