import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** Asks before something that cannot be undone. Escape and Cancel do nothing. */
export function Confirm({
  title,
  action,
  confirm,
  cancel,
  children,
}: {
  title: string
  /** What the button does, in words. */
  action: string
  confirm: () => void
  cancel: () => void
  children?: ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={cancel}>
      <h2 id="confirm-title">{title}</h2>
      {children}
      <div class="confirm-actions">
        <button type="button" autofocus onClick={cancel}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={confirm}>
          {action}
        </button>
      </div>
    </dialog>
  )
}
