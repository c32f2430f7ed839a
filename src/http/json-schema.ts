import { createContext, Script } from 'node:vm'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'
import type { JsonText } from '../domain/entities.ts'

/** One way in which a value violates its schema. */
export interface SchemaProblem {
  /** The keys from the top of the value down to what is wrong. */
  path: string[]
  message: string
}

/** The schema itself is not a valid JSON Schema. */
export class JsonSchemaError extends Error {
  override name = 'JsonSchemaError'
}

/** @returns what is wrong with the value; empty when it is valid */
export type SchemaCheck = (value: unknown) => SchemaProblem[]

/** The schemas that were used last. Compiling one takes milliseconds, and it is used for every example of a dataset. */
const cache = new LRUCache<JsonText, SchemaCheck>({ max: 200 })

/** The most references to other documents that one schema may have. */
const maxReferences = 20

/**
 * A regular expression of a client, in time that is linear in the text: the engine's own can take ages for a pattern like
 * `^(a+)+$`, and would keep the server from everybody. What needs backtracking (look-around, back references) is refused.
 */
function linearPattern(pattern: string): { test(text: string): boolean } {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern))
  return { test: (text) => compiled.matcher(text).find() }
}

/**
 * Compiles a JSON Schema (draft 7, and what later drafts have in common with it) into a check. Nothing is fetched: a
 * reference to another document accepts any value (contracts/langsmith.md 2.4.4).
 * @param limitMs how long compiling it may take, and each check
 * @throws JsonSchemaError when the text is not a schema; the check throws it when it takes too long
 */
export function compileJsonSchema(text: JsonText, limitMs = usualLimitMs): SchemaCheck {
  const cached = cache.get(text)
  if (cached !== undefined) return cached
  function withinLimit<T>(work: () => T): T {
    try {
      return withinTime(limitMs, work)
    } catch (error) {
      if (error instanceof TooSlowError) cache.set(text, refuse, { ttl: refusedMs })
      throw error
    }
  }
  const validate = withinLimit(() => compile(JSON.parse(text) as unknown))
  const check: SchemaCheck = (value) => {
    if (withinLimit(() => validate(value))) return []
    return (validate.errors ?? []).slice(0, maxProblems).map(problemOf)
  }
  cache.set(text, check)
  return check
}

/** Enough to see what is wrong. A large value can break a schema in millions of ways. */
const maxProblems = 1000

/** Far longer than any useful check takes, and shorter than the silence after which a server is taken for stuck. */
const usualLimitMs = 5000
/** A schema that took too long is not tried again for this time: a request may have thousands of examples to check. */
const refusedMs = 60_000

class TooSlowError extends JsonSchemaError {
  constructor() {
    super('cannot be checked: it takes too long')
  }
}

const refuse: SchemaCheck = () => {
  throw new TooSlowError()
}

const sandbox: { work: (() => unknown) | null } = { work: null }
createContext(sandbox)
const script = new Script('work()')

/**
 * Runs work in this thread, and ends it after a time. References to references grow exponentially, and `uniqueItems`
 * quadratically: a schema of a few lines could otherwise keep the server from everybody for ever. Only the module
 * `node:vm` can end work that does not yield. Nothing of it is code of a client.
 * @throws JsonSchemaError when the time is over
 */
function withinTime<T>(limitMs: number, work: () => T): T {
  sandbox.work = work
  try {
    return script.runInContext(sandbox, { timeout: limitMs }) as T
  } catch (error) {
    // The error is of the other context, where `Error` is another class.
    if ((error as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new TooSlowError()
  } finally {
    sandbox.work = null
  }
}

/**
 * Returns how a value breaks a stored schema. One that cannot be used (it refers to itself without end, or an earlier
 * version accepted it) is broken by every value: it does not make the request fail.
 */
export function violationsOf(
  schema: JsonText,
  value: JsonText,
  limitMs = usualLimitMs,
): SchemaProblem[] {
  try {
    return compileJsonSchema(schema, limitMs)(JSON.parse(value))
  } catch (error) {
    // A schema that refers to itself without end overflows the stack.
    if (error instanceof RangeError) return [{ path: [], message: 'cannot be checked: no end' }]
    if (error instanceof JsonSchemaError) return [{ path: [], message: error.message }]
    throw error
  }
}

function compile(schema: unknown): ValidateFunction {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new JsonSchemaError('a JSON Schema is an object')
  }
  // `$schema` may name a draft that is not built in, which makes no difference to what is valid. `$async` would make
  // ajv return a promise, whose rejection nobody would handle.
  const { $schema: _draft, $async: _async, ...rest } = schema as Record<string, unknown>
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    logger: false,
    validateFormats: false,
    code: { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) },
  })
  for (let references = 0; ; references++) {
    try {
      return ajv.compile(rest)
    } catch (error) {
      const missing = missingDocument(error)
      if (missing === null || references >= maxReferences) {
        throw new JsonSchemaError(error instanceof Error ? error.message : String(error))
      }
      ajv.removeSchema(rest)
      ajv.addSchema({}, missing)
    }
  }
}

/**
 * Returns the address of the document that a schema refers to; null when the error is another one, or the reference is
 * to the schema itself.
 */
function missingDocument(error: unknown): string | null {
  if (!(error instanceof Error) || !('missingSchema' in error)) return null
  const { missingSchema } = error
  return typeof missingSchema === 'string' && missingSchema !== '' ? missingSchema : null
}

function problemOf({ instancePath, message }: ErrorObject): SchemaProblem {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return { path, message: message ?? 'does not fit the schema' }
}
