import type { AttributeValue } from './decode.ts'

/** How many segments of a dotted key are read as a path. What lies deeper stays one key. */
const maxSegments = 32

interface Tree {
  value: AttributeValue
  children: Map<string, Tree>
}

/**
 * Turns dotted keys into a value: `0.role`, `0.content`, `1.role` … become a list of objects.
 * @returns null when there are no entries
 */
export function nest(entries: readonly [string, AttributeValue][]): AttributeValue {
  if (entries.length === 0) return null
  const root: Tree = { value: null, children: new Map() }
  for (const [key, value] of entries) {
    const segments = key.split('.')
    const path =
      segments.length <= maxSegments
        ? segments
        : [...segments.slice(0, maxSegments - 1), segments.slice(maxSegments - 1).join('.')]
    let tree = root
    for (const segment of path) {
      let child = tree.children.get(segment)
      if (child === undefined)
        tree.children.set(segment, (child = { value: null, children: new Map() }))
      tree = child
    }
    tree.value = value
  }
  return valueOfTree(root)
}

function valueOfTree({ value, children }: Tree): AttributeValue {
  if (children.size === 0) return value
  const keys = [...children.keys()]
  if (keys.every((key) => /^\d+$/.test(key))) {
    return keys
      .toSorted((a, b) => Number(a) - Number(b))
      .map((key) => valueOfTree(children.get(key)!))
  }
  return Object.fromEntries(keys.map((key) => [key, valueOfTree(children.get(key)!)]))
}
