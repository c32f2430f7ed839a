/**
 * What was sent and what was acknowledged: a bit per step of each unit, and the time of a unit's last acknowledgement.
 * That is six bytes for each unit, so an hour of load is a few megabytes.
 */
export interface Ledger {
  /** How many units there are: 0 up to, and without, this. */
  readonly units: number
  /** How many events were acknowledged. */
  readonly acknowledged: number
  noteSent(unit: number, step: number): void
  noteAcknowledged(unit: number, step: number, at: number): void
  wasSent(unit: number, step: number): boolean
  wasAcknowledged(unit: number, step: number): boolean
  /** In milliseconds since 1970; 0 when nothing of the unit was acknowledged. */
  lastAcknowledgedAt(unit: number): number
}

export function createLedger(epochMs: number): Ledger {
  let sent = new Uint8Array(1024)
  let acknowledged = new Uint8Array(1024)
  let lastAt = new Uint32Array(1024)
  let units = 0
  let count = 0

  function makeRoom(unit: number): void {
    units = Math.max(units, unit + 1)
    if (unit < sent.length) return
    const length = sent.length * 2
    const grow = <T extends Uint8Array | Uint32Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    sent = grow(sent, new Uint8Array(length))
    acknowledged = grow(acknowledged, new Uint8Array(length))
    lastAt = grow(lastAt, new Uint32Array(length))
  }

  return {
    get units() {
      return units
    },
    get acknowledged() {
      return count
    },
    noteSent(unit, step) {
      makeRoom(unit)
      sent[unit]! |= 1 << step
    },
    noteAcknowledged(unit, step, at) {
      if ((acknowledged[unit]! & (1 << step)) === 0) count++
      acknowledged[unit]! |= 1 << step
      lastAt[unit] = at - epochMs
    },
    wasSent: (unit, step) => (sent[unit]! & (1 << step)) !== 0,
    wasAcknowledged: (unit, step) => (acknowledged[unit]! & (1 << step)) !== 0,
    lastAcknowledgedAt: (unit) => (lastAt[unit] === 0 ? 0 : lastAt[unit]! + epochMs),
  }
}
