import type { ComponentChildren } from 'preact'

/** Holds a table that may be wider than the view, and that the keyboard can scroll though nothing in it has the focus. */
export function TableFrame({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="table-frame" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  )
}
