// Loaded before the server (node --import): its wall clock jumps by CHAOS_CLOCK_JUMP_MS after two seconds, and jumps
// back after ten. Timers run on, as they do when a real clock is set.
const RealDate = Date
const jump = Number(process.env.CHAOS_CLOCK_JUMP_MS ?? 0)
let offset = 0
setTimeout(() => (offset = jump), 2000).unref()
setTimeout(() => (offset = 0), 10_000).unref()

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offset)
    else super(...given)
  }
  static now() {
    return RealDate.now() + offset
  }
}
