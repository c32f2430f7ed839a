export type Theme = 'auto' | 'light' | 'dark'

const place = 'runmill.theme'

export function readTheme(): Theme {
  const stored = localStorage.getItem(place)
  return stored === 'light' || stored === 'dark' ? stored : 'auto'
}

export function storeTheme(theme: Theme): void {
  if (theme === 'auto') localStorage.removeItem(place)
  else localStorage.setItem(place, theme)
  applyTheme()
}

/** `color-scheme` decides which half of each `light-dark()` is used. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = readTheme()
}
