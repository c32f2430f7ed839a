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

/** Frameworks that are traced by a callback of a vendor, or of their own for a vendor. */
export const callbackFrameworks: FrameworkFacts[] = [
  {
    fixture: 'python/langchain-1.5.2',
    setUp: '`config={"callbacks": [CallbackHandler()]}` of `langfuse.langchain`',
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · weather-agent
  CHAIN · model
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
  CHAIN · tools
    TOOL · get_weather
  CHAIN · model
    GENERATION · ChatOpenAI · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

AGENT · weather-agent · ! Error code: 400 - The model "broken-model" does not exist
  CHAIN · model · ! Error code: 400 - The model "broken-model" does not exist
    GENERATION · ChatOpenAI · broken-model · $0 · ! Error code: 400 - The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    tool: [toolInput, says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/langgraph-1.2.24',
    setUp: '`CallbackHandler()` of `langfuse.langchain` in the config of the graph',
    user: true,
    session: true,
    tags: true,
    observations: `
CHAIN · weather-graph
  CHAIN · assistant
    GENERATION · ChatOpenAI · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
    CHAIN · tools_condition
  CHAIN · tools
    TOOL · get_weather
  CHAIN · assistant
    GENERATION · ChatOpenAI · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048
    CHAIN · tools_condition

CHAIN · weather-graph · ! Error code: 400 - The model "broken-model" does not exist
  CHAIN · assistant · ! Error code: 400 - The model "broken-model" does not exist
    GENERATION · ChatOpenAI · broken-model · $0 · ! Error code: 400 - The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    tool: [toolInput, says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/langgraph-langsmith-1.2.24',
    setUp: '`LANGSMITH_OTEL_ENABLED=true`, `LANGSMITH_OTEL_ONLY=true` and `LANGSMITH_ENDPOINT`',
    session: true,
    tags: true,
    observations: `
CHAIN · weather-agent
  CHAIN · model
    GENERATION · ChatOpenAI · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
  CHAIN · tools
    TOOL · get_weather
  CHAIN · model
    GENERATION · ChatOpenAI · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048

CHAIN · weather-agent · ! OpenAIInvalidRequestError('Error code: 400 - The model "broken-model" does not exist')
  CHAIN · model · ! OpenAIInvalidRequestError('Error code: 400 - The model "broken-model" does not exist')
    GENERATION · ChatOpenAI · broken-model · ! OpenAIInvalidRequestError('Error code: 400 - The model "broken-model" does not exist')`,
    trace: [says(question), says(answer)],
    tool: [toolInput, says(toolOutput)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/litellm-langfuse-1.110.2',
    setUp: '`litellm.success_callback = ["langfuse"]`, `litellm.failure_callback = ["langfuse"]`',
    user: true,
    session: true,
    tags: true,
    observations: `
GENERATION · litellm-completion · gpt-4.1-mini · 24+16c>12=52 · $0.0000304
GENERATION · litellm-completion · gpt-4.1-mini · 32+32c>20=84 · $0.000048
GENERATION · litellm-completion · broken-model · ! litellm.BadRequestError: OpenAIException - The model "broken-model" does not exist`,
    trace: [says(system, question), says()],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/litellm-langfuse-otel-1.110.2',
    setUp: '`litellm.callbacks = ["langfuse_otel"]`',
    user: true,
    session: true,
    tags: true,
    observations: `
GENERATION · litellm_request · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · $0.0000304
  SPAN · raw_gen_ai_request

GENERATION · litellm_request · broken-model · $0 · ! litellm.BadRequestError: OpenAIException - The model "broken-model" does not exist`,
    trace: [messages('system', 'user'), says('get_weather', 'Paris')],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
  },
  {
    fixture: 'python/litellm-langsmith-1.110.2',
    setUp: '`litellm.callbacks = ["langsmith"]` and `LANGSMITH_BASE_URL`',
    tags: true,
    observations: `
GENERATION · weather · 40>12=52 · $0.0000304

GENERATION · weather · 64>20=84 · $0.000048`,
    trace: [says(question), says('get_weather', 'Paris')],
    firstCall: [says(question), says('get_weather', 'Paris')],
  },
  {
    fixture: 'python/litellm-otel-1.110.2',
    setUp: '`litellm.callbacks = ["otel"]`, `OTEL_EXPORTER=otlp_http` and `OTEL_ENDPOINT`',
    observations: `
GENERATION · litellm_request · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · $0.0000304
  SPAN · raw_gen_ai_request

GENERATION · litellm_request · broken-model · ! litellm.BadRequestError: OpenAIException - The model "broken-model" does not exist`,
    trace: [messages('system', 'user'), says('get_weather', 'Paris')],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
  },
]
