type Numbers = Uint8Array | Uint32Array | Float64Array

/** A typed array that grows as values are added. */
export class Growing<Column extends Numbers> {
  private readonly make: new (
    length: number,
  ) => Column
  private held: Column
  private length = 0

  constructor(make: new (length: number) => Column) {
    this.make = make
    this.held = new make(64)
  }

  push(value: number): void {
    if (this.length === this.held.length) {
      const larger = new this.make(this.length * 2)
      larger.set(this.held)
      this.held = larger
    }
    this.held[this.length++] = value
  }

  /** Returns a copy that is no longer than it has to be. */
  done(): Column {
    return this.held.slice(0, this.length) as Column
  }
}
