import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { Link } from 'wouter-preact'

interface Crumb {
  label: string
  href: string
}

/** The head of a view: where it is, its title, and its actions. Also names the tab. */
export function Head({
  title,
  note,
  crumbs = [],
  children,
}: {
  title: string
  /** Beside the title, quieter. */
  note?: string
  crumbs?: readonly Crumb[]
  children?: ComponentChildren
}) {
  useEffect(() => {
    document.title = `${title} · Runmill`
  }, [title])
  return (
    <div class="head">
      <div class="head-title">
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label="Above">
            {crumbs.map(({ label, href }) => (
              <Link key={href} href={href}>
                {label}
              </Link>
            ))}
          </nav>
        )}
        <h1>
          {title}
          {note !== undefined && <span class="head-note"> {note}</span>}
        </h1>
      </div>
      {children !== undefined && <div class="head-actions">{children}</div>}
    </div>
  )
}
