import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { RefObject } from 'preact'

/** The width of an element in pixels, for drawings whose text must not be stretched. */
export function useWidth<E extends Element>(fallback: number): [RefObject<E>, number] {
  const element = useRef<E>(null)
  const [width, setWidth] = useState(fallback)
  useLayoutEffect(() => {
    const { current } = element
    if (current === null) return
    const look = () => setWidth(Math.max(160, Math.floor(current.getBoundingClientRect().width)))
    look()
    const sizes = new ResizeObserver(look)
    sizes.observe(current)
    return () => sizes.disconnect()
  }, [])
  return [element, width]
}
