/** Where the key is kept: for this tab, until it is closed. It is never in an address. */
const place = 'runmill.key'

const listeners = new Set<() => void>()

export interface Session {
  /** The value of the header `Authorization`. */
  authorization: string
}

let current: Session | null = read()
/** Why there is no session any more, for the form that asks for a key. */
let ended: string | null = null

export function getSession(): Session | null {
  return current
}

export function whyEnded(): string | null {
  return ended
}

export function startSession(session: Session): void {
  sessionStorage.setItem(place, session.authorization)
  current = session
  ended = null
  tell()
}

/** @param why shown to the user; null when the user asked for it */
export function endSession(why: string | null): void {
  if (current === null) return
  sessionStorage.removeItem(place)
  current = null
  ended = why
  tell()
}

/** Calls back after every change. @returns what stops that */
export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/**
 * What to send for what was typed: a secret key alone, or a pair of public and secret key, divided by a colon, as Basic
 * authentication has it.
 */
export function sessionOf(typed: string): Session {
  const key = typed.trim()
  return { authorization: key.includes(':') ? `Basic ${base64Of(key)}` : `Bearer ${key}` }
}

/** Of UTF-8: what was pasted may hold any character, and is then refused by the server. */
function base64Of(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

function read(): Session | null {
  const authorization = sessionStorage.getItem(place)
  return authorization === null ? null : { authorization }
}

function tell(): void {
  for (const listener of listeners) listener()
}
