import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const docsFolder = join(import.meta.dirname, '..', '..', 'docs')

/** Replaces what stands between `<!-- NAME -->` and `<!-- end of NAME -->` in a document. */
export async function writeSection(
  document: string,
  name: string,
  markdown: string,
): Promise<void> {
  const file = join(docsFolder, document)
  const text = await readFile(file, 'utf8')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [before, rest = ''] = text.split(begin)
  const after = rest.split(end)[1]
  if (after === undefined) throw new Error(`docs/${document} has no place for ${name}`)
  await writeFile(file, `${before}${begin}\n\n${markdown}\n\n${end}${after}`)
}
