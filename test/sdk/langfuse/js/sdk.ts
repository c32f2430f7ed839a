import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import { LangfuseClient } from '@langfuse/client'
import { LangfuseSpanProcessor } from '@langfuse/otel'
import type { RunningServer } from '../../langsmith/server.ts'

/** `@langfuse/client` and its tracing, set up as users do. */
export interface Sdk {
  langfuse: LangfuseClient
  /** Sends the spans and scores that are still held back. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Only one may exist at a time, because OpenTelemetry has one global tracer provider. */
export function startSdk({ url, tenant }: RunningServer): Sdk {
  const account = { baseUrl: url, publicKey: tenant.publicKey, secretKey: tenant.secretKey }
  const processor = new LangfuseSpanProcessor(account)
  const provider = new BasicTracerProvider({ spanProcessors: [processor] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  const langfuse = new LangfuseClient(account)
  return {
    langfuse,
    flush: async () => {
      await processor.forceFlush()
      await langfuse.flush()
    },
    stop: async () => {
      await langfuse.shutdown()
      await provider.shutdown()
      trace.disable()
      context.disable()
    },
  }
}
