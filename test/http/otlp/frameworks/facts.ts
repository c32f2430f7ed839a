import { readFileSync } from 'node:fs'

/*
 * What must come back of what each framework sends. To add one, record it (test/fixtures/frameworks/record/record.ts)
 * and add an entry to a table beside this file.
 */

/** A value as JSON: equal to it, or accepted by a check of `says` or `messages`. Null: nothing was sent. */
type Value = unknown

type InputOutput = readonly [input: Value, output: Value]

export interface FrameworkFacts {
  /** The recording: `test/fixtures/frameworks/<fixture>.json`. */
  fixture: string
  /** One line for docs/frameworks.md: how its tracing is turned on. */
  setUp: string
  /** True: every trace has the user `ada`, the session `session-1`, the tags `weather` and `demo`. */
  user?: true
  session?: true
  tags?: true
  /** True: every call of a model is linked to version 3 of the prompt `weather-prompt`. */
  prompt?: true
  /** The traces, counted from 0, that the framework sends without a user and a session. */
  bare?: number[]
  /**
   * All observations, a line each as `forestOfObservations` writes them, traces apart by an empty line. The first trace
   * asks a question, calls the tool and answers; the last one fails.
   */
  observations: string
  /** Of the first trace: itself, its tool, and its first and last call of a model. */
  trace: InputOutput
  tool?: InputOutput
  firstCall: InputOutput
  lastCall?: InputOutput
  /** The name of the observations that are calls of a model; default: all generations. */
  callName?: string
}

export const system = 'You tell the weather.'
export const question = 'What is the weather in Paris?'
export const answer = 'It is sunny in Paris, 21 degrees.'
export const toolInput = { city: 'Paris' }
export const toolOutput = 'Sunny in Paris, 21 degrees'

interface Check {
  asymmetricMatch(value: unknown): boolean
  toString(): string
  getExpectedType(): string
  toAsymmetricMatcher(): string
}

function check(name: string, matches: (value: unknown) => boolean): Check {
  return {
    asymmetricMatch: matches,
    toString: () => name,
    getExpectedType: () => 'object',
    toAsymmetricMatcher: () => name,
  }
}

/** Some JSON that contains all the texts. */
export function says(...texts: string[]): Check {
  return check(`says(${texts.join(', ')})`, (value) => {
    const json = JSON.stringify(value ?? null)
    return texts.every((text) => json.includes(text))
  })
}

/** A list of messages with exactly these roles, in which no text is said twice. */
export function messages(...roles: string[]): Check {
  return check(`messages(${roles.join(', ')})`, (value) => {
    if (!Array.isArray(value)) return false
    const texts = value.map((message) => JSON.stringify(message))
    return (
      value.map(({ role }) => String(role)).join() === roles.join() &&
      new Set(texts).size === texts.length &&
      JSON.stringify(value).split(question).length <= 2
    )
  })
}

const languages: Readonly<Record<string, string>> = {
  python: 'Python',
  js: 'JavaScript',
  java: 'Java',
}

/** Reads a recording's name, language and version for the table of docs/frameworks.md. */
export function versionOf({ fixture }: FrameworkFacts): {
  framework: string
  language: string
  version: string
} {
  const file = new URL(`../../../fixtures/frameworks/${fixture}.json`, import.meta.url)
  const recording = JSON.parse(readFileSync(file, 'utf8')) as { framework: string; version: string }
  return { ...recording, language: languages[fixture.split('/')[0]!]! }
}
