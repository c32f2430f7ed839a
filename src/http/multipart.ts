import { parse as parseDisposition } from 'content-disposition'
import { parse as parseContentType } from 'content-type'

/** The body is not `multipart/form-data`, or it breaks off. The message is for the client. */
export class MultipartError extends Error {
  override name = 'MultipartError'
}

/** One part of a body, with or without a file name: clients send JSON in both ways (contracts/langsmith.md 2.4.3). */
export interface Part {
  name: string
  /** The client's name for the file; null for a part that is not a file. */
  fileName: string | null
  /** As sent, including its parameters; null when there is none. */
  contentType: string | null
  /** The bytes as they arrive. Read them before asking for the next part; what is left unread is skipped. */
  body: AsyncIterable<Buffer>
}

/**
 * The largest size of a part's headers, with names. It leaves room for any name and limits what a client can make us
 * hold.
 */
const maxHeaderBytes = 65_536

/**
 * Reads a `multipart/form-data` body (RFC 7578) as a stream, in order and without a limit on the number or size of
 * parts. It reads on only as fast as the caller does, and reads the source to its end, so that the source's own checks
 * (length, checksum) take place.
 *
 * We have our own parser because the available ones treat parts with a file name as another kind of part (busboy),
 * silently cut off long headers (@fastify/busboy) or hold whole parts in memory (@remix-run/multipart-parser).
 * @param contentType the request's header, which contains the boundary
 * @throws MultipartError
 */
export async function* readMultipart(
  source: AsyncIterable<Buffer>,
  contentType: string,
): AsyncGenerator<Part> {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`)
  const input = source[Symbol.asyncIterator]()
  // The first delimiter has no line end before it. This adds one.
  let buffer: Buffer = Buffer.from('\r\n')

  async function fill(): Promise<void> {
    const next = await input.next()
    if (next.done === true) throw new MultipartError('unexpected end of the body')
    buffer = buffer.length === 0 ? next.value : Buffer.concat([buffer, next.value])
  }

  let isInPart = true

  /** Returns the bytes before the next delimiter; null once it is reached, when `buffer` starts after it. */
  async function readPiece(): Promise<Buffer | null> {
    let from = 0
    while (isInPart) {
      const at = buffer.indexOf(delimiter, from)
      if (at > 0) return take(at)
      if (at === 0) {
        const length = await delimiterLength()
        if (length === null) from = 1
        else {
          buffer = buffer.subarray(length)
          isInPart = false
        }
      } else if (buffer.length >= from + delimiter.length) {
        return take(buffer.length - delimiter.length + 1)
      } else await fill()
    }
    return null
  }

  function take(length: number): Buffer {
    const piece = buffer.subarray(0, length)
    buffer = buffer.subarray(length)
    return piece
  }

  /**
   * Returns the length of the delimiter at the start of `buffer` including its line end or `--`; null when other text
   * follows, because then it is content.
   */
  async function delimiterLength(): Promise<number | null> {
    let end = delimiter.length
    for (;;) {
      while (buffer.length < end + 2) await fill()
      const [first, second] = [buffer[end], buffer[end + 1]]
      if (first === 0x0d && second === 0x0a) return end
      if (first === dash && second === dash && end === delimiter.length) return end
      // RFC 2046 allows blanks before the line end.
      if ((first !== 0x20 && first !== 0x09) || end > maxHeaderBytes) return null
      end++
    }
  }

  async function readHeaders(): Promise<Map<string, string>> {
    for (;;) {
      const end = buffer.indexOf('\r\n\r\n')
      if (end > maxHeaderBytes || (end === -1 && buffer.length > maxHeaderBytes)) {
        throw new MultipartError('part headers are too long')
      }
      if (end !== -1) return parseHeaders(take(end + 4).toString('utf8'))
      await fill()
    }
  }

  async function* pieces(): AsyncGenerator<Buffer> {
    for (let piece = await readPiece(); piece !== null; piece = await readPiece()) yield piece
  }

  async function skipRest(): Promise<void> {
    while ((await readPiece()) !== null);
  }

  try {
    await skipRest()
    while (buffer[0] !== dash) {
      const headers = await readHeaders()
      isInPart = true
      yield { ...describe(headers), body: { [Symbol.asyncIterator]: () => pieces() } }
      await skipRest()
    }
    while ((await input.next()).done !== true);
  } finally {
    await input.return?.()
  }
}

const dash = 0x2d

/** Returns whether a `Content-Type` header names any multipart type. */
export function isMultipart(contentType: string | undefined): boolean {
  return parseContentType(contentType ?? '', { parameters: false }).type.startsWith('multipart/')
}

/** @throws MultipartError */
function boundaryOf(contentType: string): string {
  const { type, parameters } = parseContentType(contentType)
  if (type !== 'multipart/form-data') {
    throw new MultipartError('Content-Type is not multipart/form-data')
  }
  const { boundary } = parameters
  if (!boundary) throw new MultipartError('no multipart boundary param in Content-Type')
  return boundary
}

/** @param text header lines, each preceded by its line end */
function parseHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) throw new MultipartError('malformed part header')
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}

function describe(headers: ReadonlyMap<string, string>): Omit<Part, 'body'> {
  const disposition = headers.get('content-disposition') ?? ''
  const { type, parameters } = parseDisposition(markQuotes(disposition), { multipart: true })
  const { name, filename: fileName = null } = parameters
  if (type !== 'form-data' || name === undefined) {
    throw new MultipartError('part without a name in Content-Disposition')
  }
  for (const header of ['content-encoding', 'content-transfer-encoding']) {
    const encoding = headers.get(header)?.toLowerCase() ?? 'binary'
    if (!['identity', 'binary', '8bit', '7bit'].includes(encoding)) {
      throw new MultipartError(
        `part ${name.slice(0, 200)} with ${header} ${encoding.slice(0, 100)}`,
      )
    }
  }
  return { name, fileName, contentType: headers.get('content-type') ?? null }
}

/**
 * Browsers and Node write `%22` for a quote within a name and leave backslashes as they are, and this is what the
 * parser expects. Other clients write `\"` and `\\`, at which the parser would end the name, so these are converted.
 */
function markQuotes(disposition: string): string {
  return disposition.replace(/\\(["\\])/g, (_, char: string) => (char === '"' ? '%22' : char))
}
