import { describe, expect, test } from 'vitest'
import {
  attachmentsMap,
  attachmentsText,
  readAttachments,
  updateAttachments,
  type Attachment,
} from '../../src/domain/attachments.ts'

/** `a` is an attachment named `a` with content `a`; `a=x` is named `a` and has content `x`. */
function attachment(text: string): Attachment {
  const [name = '', content = name] = text.split('=')
  return { name, blobId: content, mimeType: 'text/plain', size: 1 }
}

function list(text: string): Attachment[] {
  return text.split(' ').filter(Boolean).map(attachment)
}

function show(attachments: readonly Attachment[]): string {
  return attachments
    .map(({ name, blobId }) => (name === blobId ? name : `${name}=${blobId}`))
    .join(' ')
}

interface Given {
  retain?: string[]
  rename?: Record<string, string>
  upload?: string
}

function update(stored: string, { retain, rename, upload = '' }: Given): string {
  const hasOperations = retain !== undefined || rename !== undefined
  const operations = hasOperations
    ? { retain: retain ?? [], rename: new Map(Object.entries(rename ?? {})) }
    : null
  return show(updateAttachments(list(stored), operations, list(upload)))
}

describe('an update of attachments', () => {
  test.each<[promise: string, stored: string, given: Given, result: string]>([
    ['nothing said keeps all', 'a b', {}, 'a b'],
    ['uploads without operations replace all', 'a b', { upload: 'c' }, 'c'],
    ['uploads come in their order', '', { upload: 'c a b' }, 'c a b'],
    ['empty operations drop all', 'a b', { retain: [], rename: {} }, ''],
    ['what is retained stays, the rest goes', 'a b c', { retain: ['c', 'a'] }, 'a c'],
    [
      'what is renamed stays under the new name, in its place',
      'a b',
      { rename: { a: 'x' }, retain: ['b'] },
      'x=a b',
    ],
    [
      'retained, renamed and uploaded add up',
      'a b c',
      { retain: ['a'], rename: { b: 'x' }, upload: 'n' },
      'a x=b n',
    ],
    [
      'an upload wins over what is retained',
      'a b',
      { retain: ['a', 'b'], upload: 'a=new' },
      'a=new b',
    ],
    [
      'an upload wins over what is renamed',
      'a b',
      { rename: { a: 'x' }, upload: 'x=new' },
      'x=new',
    ],
    [
      'an upload may take the name that a rename frees',
      'a',
      { rename: { a: 'x' }, upload: 'a=new' },
      'x=a a=new',
    ],
    ['a rename may take the name of what is dropped', 'a b', { rename: { a: 'b' } }, 'b=a'],
    ['two may change names', 'a b', { rename: { a: 'b', b: 'a' } }, 'b=a a=b'],
    ['a rename to itself keeps', 'a b', { rename: { a: 'a' } }, 'a'],
    ['a name retained twice stays once', 'a', { retain: ['a', 'a'] }, 'a'],
    [
      'names may be those of members of every object',
      '__proto__ constructor',
      { retain: ['__proto__'] },
      '__proto__',
    ],
  ])('%s', (_, stored, given, result) => {
    expect(update(stored, given)).toBe(result)
  })

  test.each<[promise: string, given: Given, message: RegExp]>([
    ['a name both retained and renamed', { retain: ['a'], rename: { a: 'x' } }, /"a" is both/],
    ['a rename onto a retained name', { retain: ['b'], rename: { a: 'b' } }, /taken/],
    [
      'that rename even when an upload would win',
      { retain: ['b'], rename: { a: 'b' }, upload: 'b=new' },
      /taken/,
    ],
    ['two renames to one name', { rename: { a: 'x', b: 'x' } }, /taken/],
    ['a rename to no name', { rename: { a: '' } }, /nothing/],
    ['retaining what is not there', { retain: ['nope'] }, /No attachment is named "nope"/],
    ['renaming what is not there', { rename: { nope: 'x' } }, /No attachment is named "nope"/],
  ])('refuses %s', (_, given, message) => {
    expect(() => update('a b', given)).toThrow(message)
  })
})

test('attachments read back from either form', () => {
  const given = [
    { name: 'b.c', blobId: 'one', mimeType: 'image/png', size: 3 },
    { name: '__proto__', blobId: 'two', mimeType: 'text/plain; charset=utf-8', size: 0 },
  ]
  expect(readAttachments(attachmentsText(given))).toEqual(given)
  const members = Object.entries(attachmentsMap(given)).map(
    ([name, text]) => `${JSON.stringify(name)}:${text}`,
  )
  expect(readAttachments(`{${members.join(',')}}`)).toEqual(given)
  expect(attachmentsText([])).toBeNull()
  expect(readAttachments(null)).toEqual([])
})
