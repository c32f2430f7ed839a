import { hash } from 'node:crypto'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

const seed = 'runmill demo 4'

/** Numbers from 0 up to 1, the same for the same words, in whatever order they are asked for. */
export function randomOf(...words: readonly (string | number)[]): () => number {
  const digest = hash('sha1', [seed, ...words].join('\0'), 'buffer')
  const generator = xoroshiro128plus(digest.readInt32BE(0))
  return () => uniformFloat64(generator)
}

/** A UUID that is the same for the same words. */
export function idOf(...words: readonly (string | number)[]): string {
  const hex = hash('sha1', words.join('\0'))
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
