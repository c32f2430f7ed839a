/**
 * Writes texts in Postgres' text form of an array, `{"a","b"}`, so that one parameter holds them all. The statement
 * casts it to `text[]`.
 */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
