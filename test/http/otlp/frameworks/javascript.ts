import {
  answer,
  messages,
  question,
  says,
  system,
  toolInput,
  toolOutput,
  type FrameworkFacts,
} from './facts.ts'

/** Frameworks of JavaScript. */
export const javascriptFrameworks: FrameworkFacts[] = [
  {
    fixture: 'js/ai-5.0.277',
    setUp: '`LangfuseSpanProcessor` and `experimental_telemetry: { isEnabled: true }`',
    user: true,
    session: true,
    tags: true,
    observations: `
SPAN · weather-agent:ai.generateText · gpt-4.1-mini
  GENERATION · weather-agent:ai.generateText.doGenerate · gpt-4.1-mini-2025-04-14 · 40>12=52 · computed $0.0000352
  TOOL · get_weather
  GENERATION · weather-agent:ai.generateText.doGenerate · gpt-4.1-mini-2025-04-14 · 64>20=84 · computed $0.0000576

SPAN · weather-agent:ai.generateText · broken-model · ! The model "broken-model" does not exist
  GENERATION · weather-agent:ai.generateText.doGenerate · broken-model · ! The model "broken-model" does not exist`,
    trace: [says(system, question), answer],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), answer],
  },
  {
    fixture: 'js/ai-otlp-5.0.277',
    setUp:
      'An OTLP exporter and `experimental_telemetry: { isEnabled: true, metadata: { userId, sessionId, tags, langfusePrompt } }`',
    user: true,
    session: true,
    tags: true,
    prompt: true,
    observations: `
SPAN · weather-agent:ai.streamText · gpt-4.1-mini
  GENERATION · weather-agent:ai.streamText.doStream · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    TOOL · get_weather
  GENERATION · weather-agent:ai.streamText.doStream · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

SPAN · weather-agent:ai.streamText · broken-model · ! The model "broken-model" does not exist
  GENERATION · weather-agent:ai.streamText.doStream · broken-model · ! The model "broken-model" does not exist`,
    trace: [says(system, question), answer],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), answer],
  },
  {
    fixture: 'js/ai-7.0.173',
    setUp:
      '`LangfuseSpanProcessor` and `registerTelemetry(new LangfuseVercelAiSdkIntegration())` of `@langfuse/vercel-ai-sdk`',
    user: true,
    session: true,
    tags: true,
    prompt: true,
    observations: `
AGENT · invoke_agent gpt-4.1-mini · gpt-4.1-mini
  AGENT · step 1
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>12=52 · computed $0.0000304
    TOOL · get_weather
  AGENT · step 2
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>20=84 · computed $0.000048

AGENT · invoke_agent broken-model · broken-model · ! The model "broken-model" does not exist
  AGENT · step 1 · ! The model "broken-model" does not exist
    GENERATION · chat broken-model · broken-model · ! The model "broken-model" does not exist`,
    trace: [messages('system', 'user'), says(answer)],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'js/ai-otlp-7.0.173',
    setUp:
      "An OTLP exporter and `registerTelemetry(new OpenTelemetry({ usage: true, enrichSpan: () => ({ 'user.id': …, 'session.id': …, 'langfuse.trace.tags': … }) }))` of `@ai-sdk/otel`",
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · invoke_agent gpt-4.1-mini · gpt-4.1-mini
  AGENT · step 1
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    TOOL · get_weather
  AGENT · step 2
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

AGENT · invoke_agent broken-model · broken-model · ! The model "broken-model" does not exist
  AGENT · step 1 · ! The model "broken-model" does not exist
    GENERATION · chat broken-model · broken-model · ! The model "broken-model" does not exist`,
    trace: [messages('system', 'user'), says(answer)],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'js/ai-langsmith-7.0.173',
    setUp:
      '`registerTelemetry(LangSmithTelemetry())` of `langsmith/experimental/vercel`, `LANGSMITH_TRACING=true` and `LANGSMITH_ENDPOINT`',
    session: true,
    tags: true,
    observations: `
CHAIN · weather-agent · gpt-4.1-mini
  GENERATION · openai.responses · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
  TOOL · get_weather · gpt-4.1-mini
  GENERATION · openai.responses · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048

CHAIN · weather-agent · broken-model · ! The model "broken-model" does not exist
  GENERATION · openai.responses · broken-model · ! The model "broken-model" does not exist`,
    trace: [says(system, question), says(answer)],
    tool: [toolInput, { output: toolOutput }],
    firstCall: [says(question), says('get_weather', 'Paris')],
    lastCall: [says(question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/langchain-1.5.14',
    setUp:
      '`LangfuseSpanProcessor` and `{ callbacks: [new CallbackHandler()] }` of `@langfuse/langchain`',
    user: true,
    session: true,
    tags: true,
    observations: `
SPAN · weather-agent
  SPAN · __start__
  SPAN · model_request
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    SPAN · RunnableLambda
  SPAN · tools
    TOOL · get_weather
  SPAN · model_request
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048
    SPAN · RunnableLambda

SPAN · weather-agent · ! Error: 400 The model "broken-model" does not exist
  SPAN · __start__
  SPAN · model_request · ! Error: 400 The model "broken-model" does not exist
    GENERATION · ChatOpenAI · broken-model · ! Error: 400 The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    tool: [toolInput, says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/langgraph-1.7.3',
    setUp:
      '`LangfuseSpanProcessor` and `CallbackHandler` of `@langfuse/langchain` in the config of the graph',
    user: true,
    session: true,
    tags: true,
    observations: `
SPAN · weather-graph
  SPAN · __start__
  SPAN · assistant
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    SPAN · RunnableLambda
  SPAN · tools
    TOOL · get_weather
  SPAN · assistant
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048
    SPAN · RunnableLambda

SPAN · weather-graph · ! Error: 400 The model "broken-model" does not exist
  SPAN · __start__
  SPAN · assistant · ! Error: 400 The model "broken-model" does not exist
    GENERATION · ChatOpenAI · broken-model · ! Error: 400 The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    tool: [toolInput, says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/langgraph-langsmith-1.7.3',
    setUp:
      '`LANGSMITH_TRACING=true` and `LANGSMITH_ENDPOINT` (with `LANGSMITH_OTEL_ENABLED`, the JavaScript SDK exports no run of LangChain)',
    session: true,
    tags: true,
    observations: `
CHAIN · weather-agent
  CHAIN · __start__
  CHAIN · model_request
    GENERATION · ChatOpenAI · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
    CHAIN · RunnableLambda
  CHAIN · tools
    TOOL · get_weather
  CHAIN · model_request
    GENERATION · ChatOpenAI · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048
    CHAIN · RunnableLambda

CHAIN · weather-agent · ! 400 The model "broken-model" does not exist
  CHAIN · __start__
  CHAIN · model_request · ! 400 The model "broken-model" does not exist
    GENERATION · ChatOpenAI · broken-model · ! 400 The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    tool: [says('Paris'), says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/genkit-1.42.0',
    setUp:
      '`enableTelemetry({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })` of `genkit/tracing`',
    observations: `
CHAIN · weather-agent
  SPAN · generate
    GENERATION · openai/gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    TOOL · get_weather
    SPAN · generate
      GENERATION · openai/gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

CHAIN · weather-agent · ! INVALID_ARGUMENT: 400 The model "broken-model" does not exist
  SPAN · generate · ! INVALID_ARGUMENT: 400 The model "broken-model" does not exist
    GENERATION · openai/broken-model · openai/broken-model · ! INVALID_ARGUMENT: 400 The model "broken-model" does not exist`,
    trace: ['gpt-4.1-mini', answer],
    tool: [toolInput, toolOutput],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/genkit-google-1.42.0',
    setUp: 'As above, with the models of `@genkit-ai/google-genai`',
    observations: `
CHAIN · weather-agent
  SPAN · generate · gemini-2.5-flash
    GENERATION · googleai/gemini-2.5-flash · gemini-2.5-flash · 24+16c>8+4r=52 · computed $0.00003768
    TOOL · get_weather
    SPAN · generate · gemini-2.5-flash
      GENERATION · googleai/gemini-2.5-flash · gemini-2.5-flash · 32+32c>12+8r=84 · computed $0.00006056

CHAIN · weather-agent · ! INVALID_ARGUMENT: Error fetching from http://127.0.0.1:4000/v1beta/models/gemini-broken:generateContent: [400
  SPAN · generate · ! INVALID_ARGUMENT: Error fetching from http://127.0.0.1:4000/v1beta/models/gemini-broken:generateContent: [400
    GENERATION · googleai/gemini-broken · googleai/gemini-broken · ! INVALID_ARGUMENT: Error fetching from http://127.0.0.1:4000/v1beta/models/gemini-broken:generateContent: [400 `,
    trace: ['gemini-2.5-flash', answer],
    tool: [toolInput, toolOutput],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'js/mastra-langfuse-1.71.0',
    setUp:
      '`LangfuseExporter` of `@mastra/langfuse`; `agent.generate(…, { tracingOptions: { tags, metadata: { userId, sessionId } } })`',
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · invoke_agent weather-agent
  SPAN · model_generation gpt-4.1-mini
    AGENT · agent_step weather-agent
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
        SPAN · model_chunk weather-agent
        SPAN · model_chunk weather-agent
      TOOL · get_weather
    AGENT · agent_step weather-agent
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048
        SPAN · model_chunk weather-agent

AGENT · invoke_agent weather-agent · ! The model "broken-model" does not exist
  SPAN · model_generation broken-model
    AGENT · agent_step weather-agent
      GENERATION · chat broken-model · broken-model`,
    trace: [question, says(answer)],
    tool: [toolInput, toolOutput],
    // The messages are on the steps around the calls.
    firstCall: [null, says('assistant')],
    lastCall: [null, says(answer)],
  },
  {
    fixture: 'js/mastra-otlp-1.71.0',
    setUp:
      '`OtelExporter` of `@mastra/otel-exporter` with a custom provider; `tracingOptions` as above',
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · invoke_agent weather-agent
  SPAN · model_generation gpt-4.1-mini
    AGENT · agent_step weather-agent
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
        SPAN · model_chunk weather-agent
        SPAN · model_chunk weather-agent
      TOOL · get_weather
    AGENT · agent_step weather-agent
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048
        SPAN · model_chunk weather-agent

AGENT · invoke_agent weather-agent · ! The model "broken-model" does not exist
  SPAN · model_generation broken-model
    AGENT · agent_step weather-agent
      GENERATION · chat broken-model · broken-model`,
    trace: [messages('system', 'user'), says(answer)],
    tool: [toolInput, toolOutput],
    // The messages are on the steps around the calls.
    firstCall: [null, says('assistant')],
    lastCall: [null, says(answer)],
  },
]
