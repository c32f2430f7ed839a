import type { ComponentChildren } from 'preact'

/** Shown where there is nothing: says so, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Lines to paste into a shell or a program. */
export function Snippet({ children }: { children: string }) {
  return (
    <pre class="snippet" tabIndex={0}>
      <code>{children}</code>
    </pre>
  )
}
