import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { CliError, cannotBeWritten, exitCodes } from '../exit.ts'

const chunkBytes = 1_000_000

/** A file that gets its name once it is complete. It counts its bytes, and hashes them, as they are written. */
export class OutputFile {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #hash = createHash('sha256')
  #bytes = 0
  #waiting: Uint8Array[] = []
  #waitingBytes = 0

  private constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  /** @throws CliError when the file cannot be made */
  static async create(path: string): Promise<OutputFile> {
    try {
      return new OutputFile(path, await open(partOf(path), 'w'))
    } catch (error) {
      throw new CliError(exitCodes.usage, cannotBeWritten(path, error))
    }
  }

  /** Takes the bytes; the caller may not change them. Resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    this.#bytes += bytes.length
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= chunkBytes) await this.#flush()
  }

  async #flush(): Promise<void> {
    for (const bytes of this.#waiting) await this.#handle.writeFile(bytes)
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** Ends the file. @returns how many bytes it has, and their SHA-256 in hexadecimal digits */
  async finish(): Promise<{ bytes: number; sha256: string }> {
    await this.#flush()
    await this.#handle.sync()
    const { size } = await this.#handle.stat()
    await this.#handle.close()
    if (size !== this.#bytes) {
      throw new Error(`${this.#path} has ${size} bytes, and ${this.#bytes} were written`)
    }
    await rename(partOf(this.#path), this.#path)
    return { bytes: size, sha256: this.#hash.digest('hex') }
  }

  /** Removes what was written, where the process ends at once. */
  discardNow(): void {
    rmSync(partOf(this.#path), { force: true })
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {})
    await rm(partOf(this.#path), { force: true })
  }
}

function partOf(path: string): string {
  return `${path}.part`
}
