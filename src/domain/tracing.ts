/** Says where a span is, for a span of another process (W3C Trace Context). Absent: it is not recorded. */
export interface TraceParent {
  traceparent?: string
}

/** What is told of the work of a process as spans. It is null where nobody asked for them. */
export interface Tracing {
  /** A request has come. @param traceparent its header of that name */
  request(method: string, traceparent: string | undefined): RequestSpan
  /** Does the work of applying jobs, as a span with links to the requests that they come from. */
  apply<T>(facts: BatchFacts, jobs: readonly TraceParent[], work: () => Promise<T>): Promise<T>
}

export interface RequestSpan {
  /** Marks the jobs as coming from this request, and does the work of storing them, as a span. */
  enqueue(jobs: readonly TraceParent[], work: () => Promise<void>): Promise<void>
  /** @param route undefined where no route has the path */
  end(facts: { route: string | undefined; status: number; tenantId: string | undefined }): void
}

export interface BatchFacts {
  lane: string
  tenantId: string
  events: number
}
