import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MultipartError, readMultipart } from '../../src/http/multipart.ts'

const type = 'multipart/form-data; boundary=b0'

/** Reads names, types and bytes of all parts from a body that arrives in pieces of `size` bytes. */
async function readAll(bytes: Buffer, contentType = type, size = 65_536) {
  const parts = []
  for await (const part of readMultipart(cut(bytes, size), contentType)) {
    const chunks: Buffer[] = []
    for await (const chunk of part.body) chunks.push(chunk)
    parts.push({ name: part.name, type: part.contentType, bytes: Buffer.concat(chunks) })
  }
  return parts
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function body(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'))
}

describe('parts', () => {
  test("any form that Node's own encoder writes reads back, however the body is cut", async () => {
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom('\r', '\n', '-', '\r\n--', 'b'), { maxLength: 40 })
        .map((list) => Buffer.from(list.join(''))),
    )
    const form = fc.array(
      fc.record({
        name: fc.string({ unit: 'grapheme', minLength: 1 }),
        value,
        isFile: fc.boolean(),
      }),
    )
    const property = fc.asyncProperty(
      form,
      fc.integer({ min: 1, max: 200 }),
      async (fields, size) => {
        const data = new FormData()
        const expected = []
        for (const { name, value: given, isFile } of fields) {
          // The encoder only escapes quotes and line ends, so a backslash before a quote is taken for an escape of that
          // quote.
          const key = name.toWellFormed().replace(/[\r\n\\%]/g, '_')
          const bytes = isFile ? Buffer.from(given) : Buffer.from('text')
          if (isFile) data.append(key, new Blob([bytes], { type: 'image/png; length=3' }))
          else data.append(key, 'text')
          expected.push({ name: key, type: isFile ? 'image/png; length=3' : null, bytes })
        }
        const response = new Response(data)
        const bytes = Buffer.from(await response.arrayBuffer())
        expect(await readAll(bytes, response.headers.get('content-type')!, size)).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 300 })
  })

  test('text that resembles a delimiter but is none belongs to the part', async () => {
    const content = '\r\n--b\r\n--b0x\r\n-- b0\r\n--b0-\r\n--b00\r\n'
    const bytes = body(
      '--b0',
      'Content-Disposition: form-data; name="a"',
      '',
      content,
      '--b0--',
      '',
    )
    for (const size of [1, 2, 3, 1000]) {
      expect(await readAll(bytes, type, size)).toEqual([
        { name: 'a', type: null, bytes: Buffer.from(content) },
      ])
    }
  })

  test('preamble, epilogue, folded headers, quoted boundary, blanks and missing quotes are accepted', async () => {
    const bytes = body(
      'preamble',
      '--b 0 \t',
      'content-disposition:form-data;',
      ' filename=blob; name=plain',
      'CONTENT-TYPE: text/plain',
      '',
      'x',
      '--b 0',
      'Content-Disposition: form-data; filename="name=\\"no\\""; name="with \\"quotes\\" \\\\ and %22"',
      '',
      '',
      '--b 0--',
      'epilogue',
    )
    expect(await readAll(bytes, 'Multipart/Form-Data; charset=x; boundary="b 0"')).toEqual([
      { name: 'plain', type: 'text/plain', bytes: Buffer.from('x') },
      { name: 'with "quotes" \\ and "', type: null, bytes: Buffer.alloc(0) },
    ])
  })

  test.each([
    ['name="a"; filename="C:\\dir\\x.csv"', 'a', 'C:\\dir\\x.csv'],
    ['name="ends with \\\\"; filename="%22x%22 100%.csv"', 'ends with \\', '"x" 100%.csv'],
    ['name="日本"; filename="ü.csv"', '日本', 'ü.csv'],
    ["name=a; filename=b.csv; filename*=utf-8''%E2%82%AC%2522.csv", 'a', '€%22.csv'],
    ["name=a; filename*=UTF-8''m%C3%BC.csv; filename=m.csv", 'a', 'mü.csv'],
    ['filename="a; name=no"; name="__proto__"', '__proto__', 'a; name=no'],
    ['NAME = a ; FileName = "" ', 'a', ''],
    ['name=""', '', null],
  ])('names are read from form-data; %s', async (parameters, name, fileName) => {
    const header = `Content-Disposition: form-data; ${parameters}`
    const found = []
    for await (const part of readMultipart(
      cut(body('--b0', header, '', 'x', '--b0--'), 100),
      type,
    )) {
      found.push([part.name, part.fileName])
    }
    expect(found).toEqual([[name, fileName]])
  })

  test('thousands of parts, and names of thousands of characters', async () => {
    const name = 'ä'.repeat(20_000)
    const part = body('--b0', `Content-Disposition: form-data; name="${name}"`, '', '{}', '')
    const small = body('--b0', 'Content-Disposition: form-data; name="s"', '', '{}', '')
    const bytes = Buffer.concat([part, ...Array<Buffer>(10_000).fill(small), Buffer.from('--b0--')])
    const parts = await readAll(bytes)
    expect(parts).toHaveLength(10_001)
    expect(parts[0]!.name).toBe(name)
  })

  test('a part that nobody reads is skipped, and no part is read ahead of its reader', async () => {
    let taken = 0
    const part = body(
      '--b0',
      'Content-Disposition: form-data; name="a"',
      '',
      'x'.repeat(100_000),
      '',
    )
    const bytes = Buffer.concat([part, part, part, Buffer.from('--b0--')])
    async function* source() {
      for await (const chunk of cut(bytes, 1000)) {
        taken += chunk.length
        yield chunk
      }
    }
    const parts = readMultipart(source(), type)
    await parts.next()
    expect(taken).toBeLessThanOrEqual(2000)
    await parts.next()
    expect(taken).toBeLessThanOrEqual(part.length + 2000)
    await parts.next()
    expect((await parts.next()).done).toBe(true)
  })

  test('a body without parts gives none', async () => {
    expect(await readAll(Buffer.from('--b0--\r\n'))).toEqual([])
  })
})

describe('refused', () => {
  const good = body('--b0', 'Content-Disposition: form-data; name="a"', '', '{}', '--b0--')

  test('a body that ends before its last delimiter, wherever it is cut off', async () => {
    for (let length = 0; length < good.length; length++) {
      await expect(readAll(good.subarray(0, length))).rejects.toThrow(MultipartError)
    }
    expect(await readAll(good)).toHaveLength(1)
  })

  test.each([
    ['no boundary', 'multipart/form-data', good],
    ['an empty boundary', 'multipart/form-data; boundary=', good],
    ['another type', 'application/json', good],
    ['no name', type, body('--b0', 'Content-Disposition: form-data', '', '{}', '--b0--')],
    ['no headers', type, body('--b0', '', '{}', '--b0--')],
    ['a header without a colon', type, body('--b0', 'nonsense', '', '{}', '--b0--')],
    ['headers without end', type, Buffer.from(`--b0\r\nX: ${'x'.repeat(1_000_000)}`)],
    [
      'a compressed part',
      type,
      body(
        '--b0',
        'Content-Disposition: form-data; name="a"',
        'Content-Encoding: gzip',
        '',
        '{}',
        '--b0--',
      ),
    ],
    [
      'a base64 part',
      type,
      body(
        '--b0',
        'Content-Disposition: form-data; name="a"',
        'Content-Transfer-Encoding: base64',
        '',
        '{}',
        '--b0--',
      ),
    ],
  ])('%s', async (_name, contentType, bytes) => {
    await expect(readAll(bytes, contentType)).rejects.toThrow(MultipartError)
  })
})
