/** A scale of values, with round ticks that hold all of them. */
export interface Scale {
  low: number
  high: number
  ticks: number[]
}

/** @param wanted about so many steps */
export function scaleOf(values: readonly number[], wanted = 4): Scale {
  let low = Math.min(...values)
  let high = Math.max(...values)
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { low: 0, high: 1, ticks: [0, 1] }
  // Rates and most scores are between 0 and 1, and nothing is beyond.
  const isRate = low >= 0 && high <= 1
  if (low === high)
    [low, high] = [
      low - Math.max(0.05, Math.abs(low) * 0.1),
      high + Math.max(0.05, Math.abs(high) * 0.1),
    ]
  const step = roundStep((high - low) / wanted)
  low = Math.floor(low / step) * step
  high = Math.ceil(high / step) * step
  if (isRate) [low, high] = [Math.max(0, low), Math.min(1, high)]
  const steps = Math.round((high - low) / step)
  const ticks = Array.from({ length: steps + 1 }, (_, i) =>
    Number((low + i * step).toPrecision(12)),
  )
  return { low, high, ticks }
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10
  return factor * power
}
