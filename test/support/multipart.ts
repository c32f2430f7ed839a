/** One part of a multipart body. */
export interface GivenPart {
  name: string
  value: Buffer | string
  /** Default: JSON. */
  type?: string
}

export const boundary = '77cea93f586b40d48f5b407e3e902db1'

export const multipartType = `multipart/form-data; boundary=${boundary}`

/** Writes parts as the SDKs do, with the length as a parameter of the type (js) or as a header (python). */
export function encode(parts: GivenPart[], style: 'js' | 'python' = 'python'): Buffer {
  const chunks: Buffer[] = []
  for (const { name, value, type = 'application/json' } of parts) {
    const bytes = Buffer.from(value)
    const lines =
      style === 'js'
        ? [
            `Content-Disposition: form-data; name="${name}"; filename="blob"`,
            `Content-Type: ${type}; length=${bytes.length}`,
          ]
        : [
            `Content-Disposition: form-data; name="${name}"`,
            `Content-Type: ${type}`,
            `Content-Length: ${bytes.length}`,
          ]
    chunks.push(
      Buffer.from(`--${boundary}\r\n${lines.join('\r\n')}\r\n\r\n`),
      bytes,
      Buffer.from('\r\n'),
    )
  }
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)])
}
