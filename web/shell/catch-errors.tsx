import { Component, type ComponentChildren } from 'preact'
import { Problem } from '../parts/problem.tsx'

/** Shows what a view throws in place of it: a fault of ours, or a file of an older build that is no longer there. */
export class CatchErrors extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown }

  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    console.error(error)
    return (
      <Problem
        error={new Error('This view cannot be shown. The page may be older than the server.')}
        again={() => location.reload()}
        action="Load the page again"
      />
    )
  }
}
