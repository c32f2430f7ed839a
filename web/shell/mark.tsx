/** The sign of the product: a value with its interval. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M6 20h20M6 16v8M26 16v8" class="mark-interval" />
      <circle cx="18" cy="20" r="4" class="mark-point" />
      <path d="M9 10h14" class="mark-line" />
    </svg>
  )
}
