/** Keeps what was used last, up to a number of bytes. */
export class ByteCache<Value> {
  private readonly most: number
  private readonly held = new Map<string, { value: Value; bytes: number }>()
  private bytes = 0

  constructor(mostBytes: number) {
    this.most = mostBytes
  }

  get(key: string): Value | undefined {
    const entry = this.held.get(key)
    if (entry === undefined) return undefined
    this.held.delete(key)
    this.held.set(key, entry)
    return entry.value
  }

  /** What takes more than half of the room is not kept. */
  set(key: string, value: Value, bytes: number): void {
    const before = this.held.get(key)
    if (before !== undefined) {
      this.held.delete(key)
      this.bytes -= before.bytes
    }
    if (bytes > this.most / 2) return
    this.held.set(key, { value, bytes })
    this.bytes += bytes
    for (const [oldest, entry] of this.held) {
      if (this.bytes <= this.most) return
      this.held.delete(oldest)
      this.bytes -= entry.bytes
    }
  }
}
