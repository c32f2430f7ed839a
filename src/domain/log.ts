/** The logger that code is given. Like pino's methods, each takes an object of facts and then a sentence. */
export interface Log {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}
