import { useQueries } from '@tanstack/preact-query'
import type { Json } from '../../api/answers.ts'
import { request } from '../../api/client.ts'
import type { Attachment } from '../../api/run-answers.ts'
import { count } from '../../parts/format.ts'
import { jsonText } from '../../parts/json-text.ts'

interface File {
  name: string
  type: string
  size: number | null
  url: string
}

/** Images that are drawn; anything else is a link. */
const drawn = /^image\/(?:png|jpe?g|gif|webp|avif|bmp)(?:;|$)/i

const reference = /@@@langfuseMedia:([^@"\\]{1,500})@@@/g
const inline = /data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]{16,8000000}/g

/** Of one run, so many references and images are looked for. */
const most = 20

interface MediaAnswer {
  mediaId: string
  contentType: string
  contentLength: number
  url: string
}

/** What belongs to a run beside its payloads: attachments, media that it refers to, and images inside of it. */
export function Files({
  attachments,
  payloads,
}: {
  attachments: readonly Attachment[]
  payloads: readonly Json[]
}) {
  const text = payloads.map((payload) => jsonText(payload)).join('\n')
  const ids = unique([...text.matchAll(reference)].map(([, members]) => idOf(members!)))
  const images = unique([...text.matchAll(inline)].map(([url]) => url))
  const media = useQueries({
    queries: ids.map((id) => ({
      queryKey: ['media', id],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        request<MediaAnswer>(`/api/public/media/${encodeURIComponent(id)}`, { signal }),
      staleTime: 3_600_000,
      retry: false,
    })),
  })
  const files: File[] = [
    ...attachments.map(({ name, mime_type: type, size, url }) => ({
      name,
      type,
      size,
      url: pathOf(url),
    })),
    ...media.flatMap(({ data }) =>
      data === undefined
        ? []
        : [
            {
              name: data.mediaId,
              type: data.contentType,
              size: data.contentLength,
              url: pathOf(data.url),
            },
          ],
    ),
    ...images.map((url, i) => ({
      name: `image ${i + 1}`,
      type: url.slice('data:'.length, url.indexOf(';')),
      size: Math.round(((url.length - url.indexOf(',')) * 3) / 4),
      url,
    })),
  ]
  const missing = media.filter(({ isError }) => isError).length
  if (files.length === 0 && missing === 0) return null
  return (
    <section aria-labelledby="files">
      <div class="section-head">
        <h3 id="files">Attachments</h3>
      </div>
      <ul class="files">
        {files.map((file, index) => (
          <li key={index}>
            {drawn.test(file.type) && <img src={file.url} alt={file.name} loading="lazy" />}
            {file.url.startsWith('data:') ? (
              <span>{file.name}</span>
            ) : (
              <a href={file.url} target="_blank" rel="noopener noreferrer" download={file.name}>
                {file.name}
              </a>
            )}
            <span class="note">
              {file.type}
              {file.size === null ? '' : `, ${bytes(file.size)}`}
            </span>
          </li>
        ))}
      </ul>
      {missing > 0 && <p class="soft">{count(missing)} more were announced and never uploaded.</p>}
    </section>
  )
}

function idOf(members: string): string {
  return /(?:^|\|)id=([^|]+)/.exec(members)?.[1] ?? ''
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '').slice(0, most)
}

/** Links name the server as SDKs reach it. The page asks the server that it came from. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url, location.href)
  return pathname + search
}

function bytes(size: number): string {
  if (size < 1024) return `${size} bytes`
  if (size < 1_048_576) return `${(size / 1024).toFixed(1)} KiB`
  return `${(size / 1_048_576).toFixed(1)} MiB`
}
