/** Where a page starts, and how long it is. */
export interface Page {
  limit: number
  offset: number
}
