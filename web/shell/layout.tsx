import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import { endSession } from '../api/session.ts'
import { datasetsUrl } from '../url/addresses.ts'
import { Mark } from './mark.tsx'
import { entries } from './routes.ts'
import { readTheme, storeTheme, type Theme } from './theme.ts'

const themes: Record<Theme, { next: Theme; label: string }> = {
  auto: { next: 'light', label: 'Colours: automatic' },
  light: { next: 'dark', label: 'Colours: light' },
  dark: { next: 'auto', label: 'Colours: dark' },
}

/** The navigation, and beside it (or below it, where there is little room) a view. */
export function Layout({ children }: { children: ComponentChildren }) {
  const [path] = useLocation()
  const [theme, setTheme] = useState(readTheme())
  const { next, label } = themes[theme]
  return (
    <div class="layout">
      <a class="skip" href="#view">
        Skip to the content
      </a>
      <header class="side">
        <Link href={datasetsUrl()} class="brand">
          <Mark />
          Runmill
        </Link>
        <nav aria-label="Views">
          {entries.map(({ label, href, below }) => (
            <Link
              key={href}
              href={href}
              aria-current={below.some((each) => path.startsWith(each)) ? 'page' : undefined}
            >
              {label}
            </Link>
          ))}
        </nav>
        <div class="side-end">
          <a href="/docs">API</a>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              storeTheme(next)
              setTheme(next)
            }}
          >
            {label}
          </button>
          <button type="button" class="quiet" onClick={() => endSession(null)}>
            Sign out
          </button>
        </div>
      </header>
      <main id="view" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}
