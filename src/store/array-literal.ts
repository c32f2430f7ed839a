/**
 * Texts in Postgres' text form of an array, `{"a","b"}`: one parameter holds them all, cast to `text[]` in the
 * statement.
 */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
