const words = {
  success: { sign: '✓', word: 'done' },
  error: { sign: '✕', word: 'failed' },
  pending: { sign: '…', word: 'running' },
}

/** How a run ended: a sign and a word, so that colour is not needed. @param isShort only the sign is seen */
export function Status({ status, isShort = false }: { status: string; isShort?: boolean }) {
  const { sign, word } = words[status as keyof typeof words] ?? { sign: '?', word: status }
  return (
    <span class={`status status-${status}`} title={word}>
      <span aria-hidden="true">{sign}</span> <span class={isShort ? 'unseen' : ''}>{word}</span>
    </span>
  )
}
