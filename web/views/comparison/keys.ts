import { useEffect, useRef } from 'preact/hooks'

interface Actions {
  move: (by: 1 | -1) => void
  enter: () => void
  leave: () => void
  isOpen: boolean
}

/** J and K move, Enter opens, Esc closes, / goes to the field that finds. Not while somebody types. */
export function useKeys(actions: Actions): void {
  const held = useRef(actions)
  held.current = actions
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      const { move, enter, leave, isOpen } = held.current
      const target = event.target instanceof HTMLElement ? event.target : document.body
      if (event.key === 'Escape') {
        if (target.matches('input')) target.blur()
        else if (isOpen) leave()
        return
      }
      if (target.matches('input, select, textarea')) return
      const isRow = target.matches('tr.row')
      if (event.key === 'j' || (isRow && event.key === 'ArrowDown')) move(1)
      else if (event.key === 'k' || (isRow && event.key === 'ArrowUp')) move(-1)
      else if (event.key === 'Enter' && (isRow || target.matches('.rows'))) enter()
      else if (event.key === '/') document.getElementById('find')?.focus()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
