import { randomUUID } from 'node:crypto'
import type { Body } from '../api.ts'

/** One part of a multipart body. Content that is large is opened when it is sent. */
export interface Part {
  name: string
  type: string
  content: string | (() => Promise<ReadableStream<Uint8Array>>)
}

/** Writes a body part by part, so that files pass through without being held. */
export function multipartBody(parts: readonly Part[], headers: Record<string, string>): Body {
  const boundary = randomUUID()
  const encoder = new TextEncoder()

  async function* write(): AsyncGenerator<Uint8Array> {
    for (const { name, type, content } of parts) {
      // As browsers escape it, so that no name ends its header.
      const escaped = name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
      const disposition = `Content-Disposition: form-data; name="${escaped}"`
      yield encoder.encode(`--${boundary}\r\n${disposition}\r\nContent-Type: ${type}\r\n\r\n`)
      if (typeof content === 'string') yield encoder.encode(content)
      else yield* await content()
      yield encoder.encode('\r\n')
    }
    yield encoder.encode(`--${boundary}--\r\n`)
  }

  return {
    type: `multipart/form-data; boundary=${boundary}`,
    make: async () => ReadableStream.from(write()),
    headers,
  }
}
