/** What this process found missing from the queue since it started, though it had been acknowledged. */
export interface QueueLosses {
  /** How often the queue was emptied, or set back to an earlier state: accepted events may be lost. */
  emptied: number
  /** How many repeating jobs were missing, and were created anew. */
  schedulesRepaired: number
  /** When something was last found missing, in epoch milliseconds; null when nothing was. */
  lastAt: number | null
}
