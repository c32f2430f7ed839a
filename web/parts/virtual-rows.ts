import { useLayoutEffect, useState } from 'preact/hooks'
import type { RefObject } from 'preact'

/** Rows beyond both ends of what is seen, so that scrolling does not show a gap. */
const spare = 8

/** The rows that are seen change in steps of so many: fewer, and so larger, changes of the document. */
const step = 6

export interface VisibleRows {
  first: number
  /** Exclusive. */
  last: number
}

/**
 * Which rows of a list are seen, where all rows have one height: only those are in the document, however long the list
 * is.
 * @param scroller the element that scrolls, with the rows below a head of `headHeight`
 */
export function useVisibleRows(
  scroller: RefObject<HTMLElement>,
  total: number,
  rowHeight: number,
  headHeight: number,
): VisibleRows {
  const [visible, setVisible] = useState<VisibleRows>({ first: 0, last: Math.min(total, 40) })
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const look = () => {
      const top = Math.floor(element.scrollTop / rowHeight / step) * step
      const seen = Math.ceil((element.clientHeight - headHeight) / rowHeight) + step
      const next = {
        first: Math.max(0, top - spare),
        last: Math.min(total, top + seen + spare),
      }
      setVisible((held) => (held.first === next.first && held.last === next.last ? held : next))
    }
    look()
    element.addEventListener('scroll', look, { passive: true })
    const sizes = new ResizeObserver(look)
    sizes.observe(element)
    return () => {
      element.removeEventListener('scroll', look)
      sizes.disconnect()
    }
  }, [scroller, total, rowHeight, headHeight])
  // What is seen is measured after this list is in the document: until then, it may be of a longer one.
  const count = visible.last - visible.first
  return {
    first: Math.max(0, Math.min(visible.first, total - count)),
    last: Math.min(visible.last, total),
  }
}
