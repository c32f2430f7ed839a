import fc from 'fast-check'
import { mutateProtobuf } from './protobuf-fields.ts'

/**
 * One change of the bytes of a request. Places are fractions of 2^32, so that a mutation fits any length and a
 * counterexample is short.
 */
export type Mutation =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'put'; at: number; bytes: number }
  | { kind: 'insert'; at: number; bytes: number }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number; times: number }
  | { kind: 'truncate'; at: number }
  | { kind: 'splice'; at: number; from: number; length: number }
  | { kind: 'token'; at: number; value: number }
  | { kind: 'field'; at: number; value: number; isLying: boolean }
  | { kind: 'line'; at: number; to: number; move: 'drop' | 'copy' }

const place = fc.integer({ min: 0, max: 0xffff_ffff })
const choice = fc.nat(10_000)
const length = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 }))

const kinds = {
  flip: fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
  put: fc.record({ kind: fc.constant('put' as const), at: place, bytes: choice }),
  insert: fc.record({ kind: fc.constant('insert' as const), at: place, bytes: choice }),
  remove: fc.record({ kind: fc.constant('remove' as const), at: place, length }),
  repeat: fc.record({
    kind: fc.constant('repeat' as const),
    at: place,
    length,
    times: fc.integer({ min: 1, max: 20 }),
  }),
  truncate: fc.record({ kind: fc.constant('truncate' as const), at: place }),
  splice: fc.record({ kind: fc.constant('splice' as const), at: place, from: place, length }),
  token: fc.record({ kind: fc.constant('token' as const), at: place, value: choice }),
  field: fc.record({
    kind: fc.constant('field' as const),
    at: place,
    value: choice,
    isLying: fc.boolean(),
  }),
  line: fc.record({
    kind: fc.constant('line' as const),
    at: place,
    to: place,
    move: fc.constantFrom('drop' as const, 'copy' as const),
  }),
}

type Kind = keyof typeof kinds

const anywhere: Kind[] = ['flip', 'put', 'insert', 'remove', 'repeat', 'truncate', 'splice']

/** Up to four changes, most often one or two: after many, no parser reads on far enough to meet the second. */
export function arbitraryMutations(...structured: Kind[]): fc.Arbitrary<Mutation[]> {
  const of = (kind: Kind): fc.Arbitrary<Mutation> => kinds[kind]
  const some = fc.oneof(
    { arbitrary: fc.oneof(...anywhere.map(of)), weight: 1 },
    // What keeps the form gets further than what breaks it.
    ...structured.map((kind) => ({ arbitrary: of(kind), weight: 3 })),
  )
  return fc.array(some, { minLength: 1, maxLength: 4 })
}

/** What parsers of bytes stumble over: limits of varints and lengths, broken UTF-8, NUL, delimiters. */
const bytes: readonly Buffer[] = [
  '00',
  '0000000000000000',
  '7f',
  '80',
  'ff',
  'ffffffff',
  'ffffffff07',
  'ffffffff0f',
  'ffffffffffffffffff01',
  'ffffffffffffffffffffffffffff',
  '8080808080808080808000',
  'c0af',
  'eda080',
  'f4908080',
  'fffe',
  '0d0a',
  '0d0a0d0a',
  '0d0a2d2d',
  '2d2d0d0a',
  '22',
  '5c',
  '5c7530303030',
  '5c7564383030',
  '0a',
  '7b',
  '5d',
  '1f8b08',
  '28b52ffd',
  '502a4d18ffffffff',
].map((hex) => Buffer.from(hex, 'hex'))

/** What readers of JSON and of filters stumble over. */
export const tokens: readonly string[] = [
  'null',
  'true',
  '""',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '0',
  '-0',
  '-1',
  '1e400',
  '-1e400',
  '1e-400',
  '2147483648',
  '9007199254740993',
  '18446744073709551616',
  `1${'0'.repeat(400)}`,
  '0.1234567890123456789012345678901234567890',
  '[]',
  '{}',
  '[null]',
  '{"a":{"a":{"a":[[[[]]]]}}}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"a":1,"a":2}',
  '{"":""}',
  '"__proto__"',
  '"NaN"',
  '"Infinity"',
  '"0001-01-01T00:00:00Z"',
  '"9999-12-31T23:59:59.999999999Z"',
  '"275760-09-13T00:00:00Z"',
  '"-000001-01-01T00:00:00Z"',
  '"2026-02-30T25:61:61Z"',
  '"00000000-0000-0000-0000-000000000000"',
  '"00000000000000000000000000000000"',
  '"ffffffffffffffffffffffffffffffff"',
  '"%00"',
  '"%"',
  `"'; drop table runs; --"`,
  `"${'x'.repeat(5000)}"`,
  `"${'\u{1f600}'.repeat(300)}"`,
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
  `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`,
  'not(not(not(eq(name, "x"))))',
  'and()',
  '',
  ',',
  '(',
  ')',
]

/** A value of JSON, or a word or number of a filter. */
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[A-Za-z_]\w*/g

/** @param donor another request, from which pieces are taken */
export function mutate(original: Buffer, mutations: readonly Mutation[], donor: Buffer): Buffer {
  return mutations.reduce((all, mutation) => mutateOnce(all, mutation, donor), original)
}

const pick = <T>(all: readonly T[], n: number): T => all[n % all.length]!
const scale = (fraction: number, size: number): number => Math.floor((fraction / 2 ** 32) * size)
/** Repetitions of repetitions grow fast, and large bodies have tests of their own. */
const maxBytes = 400_000

function mutateOnce(all: Buffer, mutation: Mutation, donor: Buffer): Buffer {
  const at = scale(mutation.at, all.length)
  const [head, tail] = [all.subarray(0, at), all.subarray(at)]
  switch (mutation.kind) {
    case 'flip': {
      const copy = Buffer.from(all)
      if (at < copy.length) copy[at]! ^= 1 << mutation.bit
      return copy
    }
    case 'put': {
      const given = pick(bytes, mutation.bytes)
      return Buffer.concat([head, given, tail.subarray(given.length)])
    }
    case 'insert':
      return Buffer.concat([head, pick(bytes, mutation.bytes), tail])
    case 'remove':
      return Buffer.concat([head, tail.subarray(mutation.length)])
    case 'repeat': {
      const piece = tail.subarray(0, mutation.length)
      if (all.length + piece.length * mutation.times > maxBytes) return all
      return Buffer.concat([head, ...Array<Buffer>(mutation.times).fill(piece), tail])
    }
    case 'truncate':
      return Buffer.from(head)
    case 'splice': {
      const from = scale(mutation.from, donor.length)
      const piece = donor.subarray(from, from + mutation.length)
      return Buffer.concat([head, piece, tail.subarray(piece.length)])
    }
    case 'token': {
      // One character for each byte, so that bytes that are no text survive.
      const text = all.toString('latin1')
      const found = [...text.matchAll(token)]
      if (found.length === 0) return all
      const { 0: old, index } = found[scale(mutation.at, found.length)]!
      const value = Buffer.from(pick(tokens, mutation.value)).toString('latin1')
      return Buffer.from(text.slice(0, index) + value + text.slice(index + old.length), 'latin1')
    }
    case 'field':
      return mutateProtobuf(all, mutation.at / 2 ** 32, pick(bytes, mutation.value), mutation)
    case 'line': {
      const lines = all.toString('latin1').split('\r\n')
      const [line = ''] = lines.splice(scale(mutation.at, lines.length), 1)
      if (mutation.move === 'copy') lines.splice(scale(mutation.to, lines.length), 0, line, line)
      return Buffer.from(lines.join('\r\n'), 'latin1')
    }
  }
}
