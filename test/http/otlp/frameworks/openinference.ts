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

/** Frameworks that are traced by the instrumentation of OpenInference, OpenLLMetry or OpenLIT. */
export const instrumentedFrameworks: FrameworkFacts[] = [
  {
    fixture: 'python/openai-agents-0.24.0',
    setUp: "Langfuse's SDK (`get_client()`) and `OpenAIAgentsInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · Agent workflow
  CHAIN · Agent workflow
    AGENT · weather-agent
      CHAIN · turn
        GENERATION · response · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
        TOOL · get_weather
      CHAIN · turn
        GENERATION · response · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

AGENT · Agent workflow
  CHAIN · Agent workflow
    AGENT · weather-agent · ! Error in agent run: {'error': 'Error code: 400 - The model "broken-model" does not exist'}
      CHAIN · turn
        GENERATION · response · ! Error getting response: {'error': 'Error code: 400 - The model "broken-model" does not exist'}`,
    trace: [null, null],
    tool: [toolInput, toolOutput],
    firstCall: [says(question), says('get_weather', 'Paris')],
    lastCall: [says(question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/llama-index-0.14.25',
    setUp: "Langfuse's SDK (`get_client()`) and `LlamaIndexInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
CHAIN · FunctionAgent.run
  CHAIN · BaseWorkflowAgent.init_run
  CHAIN · BaseWorkflowAgent.setup_agent
  CHAIN · BaseWorkflowAgent.run_agent_step
    GENERATION · OpenAI._prepare_chat_with_tools · gpt-4.1-mini
    GENERATION · OpenAI.astream_chat · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
  CHAIN · BaseWorkflowAgent.parse_agent_output
  CHAIN · BaseWorkflowAgent.call_tool
    TOOL · FunctionTool.acall
  CHAIN · BaseWorkflowAgent.aggregate_tool_results
  CHAIN · BaseWorkflowAgent.setup_agent
  CHAIN · BaseWorkflowAgent.run_agent_step
    GENERATION · OpenAI._prepare_chat_with_tools · gpt-4.1-mini
    GENERATION · OpenAI.astream_chat · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048
  CHAIN · BaseWorkflowAgent.parse_agent_output

CHAIN · FunctionAgent.run · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i
  CHAIN · BaseWorkflowAgent.init_run
  CHAIN · BaseWorkflowAgent.setup_agent
  CHAIN · BaseWorkflowAgent.run_agent_step · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i
    GENERATION · OpenAI._prepare_chat_with_tools · gpt-4.1-mini
    GENERATION · OpenAI.astream_chat · gpt-4.1-mini · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i`,
    trace: [says('init_state'), says(answer)],
    tool: [says('Paris'), says(toolOutput)],
    firstCall: [says(system, question), says()],
    lastCall: [says(system, question), says(answer)],
    callName: 'OpenAI.astream_chat',
  },
  {
    fixture: 'python/crewai-1.15.30',
    setUp:
      "Langfuse's SDK, `CrewAIInstrumentor().instrument()` and `OpenAIInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
CHAIN · weather-crew.kickoff
  AGENT · Weather reporter._execute_core
    GENERATION · ChatCompletion · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    TOOL · get_weather.run
    GENERATION · ChatCompletion · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

CHAIN · weather-crew.kickoff · ! litellm.BadRequestError: OpenAIException - The model "broken-model" does not exist
  AGENT · Weather reporter._execute_core · ! litellm.BadRequestError: OpenAIException - The model "broken-model" does not exist
    GENERATION · ChatCompletion · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i`,
    trace: [null, says(answer)],
    tool: [toolInput, toolOutput],
    firstCall: [says(question), says('get_weather', 'Paris')],
    lastCall: [says(question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/dspy-3.4.1',
    setUp: "Langfuse's SDK (`get_client()`) and `DSPyInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
CHAIN · ReAct.forward
  CHAIN · Predict.forward
    CHAIN · Predict(StringSignature).forward
      CHAIN · ChatAdapter.__call__
        GENERATION · LM.__call__ · gpt-4.1-mini
  TOOL · get_weather.__call__
  CHAIN · Predict.forward
    CHAIN · Predict(StringSignature).forward
      CHAIN · ChatAdapter.__call__
        GENERATION · LM.__call__ · gpt-4.1-mini
  TOOL · finish.__call__
  CHAIN · ChainOfThought.forward
    CHAIN · Predict.forward
      CHAIN · Predict(StringSignature).forward
        CHAIN · ChatAdapter.__call__
          GENERATION · LM.__call__ · gpt-4.1-mini

CHAIN · ReAct.forward · ! LMInvalidRequestError: [broken-model] litellm.BadRequestError: OpenAIException - The model "broken-model" does
  CHAIN · Predict.forward · ! LMInvalidRequestError: [broken-model] litellm.BadRequestError: OpenAIException - The model "broken-model" does
    CHAIN · Predict(StringSignature).forward · ! LMInvalidRequestError: [broken-model] litellm.BadRequestError: OpenAIException - The model "broken-model" does
      CHAIN · ChatAdapter.__call__ · ! LMInvalidRequestError: [broken-model] litellm.BadRequestError: OpenAIException - The model "broken-model" does
        GENERATION · LM.__call__ · broken-model · ! LMInvalidRequestError: [broken-model] litellm.BadRequestError: OpenAIException - The model "broken-model" does`,
    trace: [says(question), says(answer)],
    tool: [says('Paris'), toolOutput],
    firstCall: [says(question), says('get_weather', 'Paris')],
    lastCall: [says(question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/haystack-3.4.1',
    setUp: "Langfuse's SDK (`get_client()`) and `HaystackInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
CHAIN · Pipeline.run
  CHAIN · Agent.run
    CHAIN · ChatPromptBuilder.run
    GENERATION · OpenAIChatGenerator.run · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
    GENERATION · OpenAIChatGenerator.run · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

CHAIN · Pipeline.run · ! PipelineRuntimeError: The following component failed to run:
  CHAIN · Agent.run · ! BadRequestError: Error code: 400 - The model "broken-model" does not exist
    CHAIN · ChatPromptBuilder.run
    GENERATION · OpenAIChatGenerator.run · ! BadRequestError: Error code: 400 - The model "broken-model" does not exist`,
    trace: [says(question), says(answer)],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/agno-3.1.10',
    setUp:
      'An OTLP exporter and `AgnoInstrumentor().instrument()`; `agent.run(…, user_id=…, session_id=…)`',
    user: true,
    session: true,
    observations: `
AGENT · weather_agent.run
  GENERATION · OpenAIChat.invoke · gpt-4.1-mini · 24+16c>12=52 · computed $0.0000304
  TOOL · get_weather
  GENERATION · OpenAIChat.invoke · gpt-4.1-mini · 32+32c>20=84 · computed $0.000048

AGENT · weather_agent.run · ! run status: error
  GENERATION · OpenAIChat.invoke · broken-model · ! ModelProviderError: The model "broken-model" does not exist`,
    trace: [question, answer],
    tool: [toolInput, toolOutput],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/smolagents-1.26.0',
    setUp: "Langfuse's SDK (`get_client()`) and `SmolagentsInstrumentor().instrument()`",
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · weather_agent.run
  CHAIN · Step 1
    GENERATION · OpenAIModel.generate · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
    TOOL · SimpleTool
  CHAIN · Step 2
    GENERATION · OpenAIModel.generate · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048
    TOOL · FinalAnswerTool

CHAIN · Step 1 · ! AgentGenerationError: Error while generating output:
  GENERATION · OpenAIModel.generate · ! BadRequestError: Error code: 400 - The model "broken-model" does not exist`,
    trace: [says(question), answer],
    tool: [says('Paris'), toolOutput],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/traceloop-0.62.4',
    setUp:
      '`Traceloop.init(api_endpoint=…)`; `Traceloop.set_association_properties({"user_id": …, "session_id": …})`',
    user: true,
    session: true,
    bare: [1],
    observations: `
CHAIN · weather-openai.workflow
  GENERATION · openai.chat · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
  TOOL · get_weather
  GENERATION · openai.chat · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

CHAIN · weather-anthropic.workflow
  GENERATION · anthropic.chat · claude-sonnet-4-5-20250929 · 24+16c>12=52 · computed $0.0002568
  TOOL · get_weather
  GENERATION · anthropic.chat · claude-sonnet-4-5-20250929 · 32+32c>20=84 · computed $0.0004056

CHAIN · weather-openai.workflow · ! Error code: 400 - The model "broken-model" does not exist
  GENERATION · openai.chat · broken-model · ! Error code: 400 - The model "broken-model" does not exist`,
    trace: [says(question), answer],
    tool: [says('Paris'), toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'python/openlit-1.45.0',
    setUp: '`openlit.init()` with `OTEL_EXPORTER_OTLP_ENDPOINT`',
    observations: `
SPAN · ask
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>12=52 · computed $0.0000304
    SPAN · POST
  SPAN · get_weather
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>20=84 · computed $0.000048
    SPAN · POST

SPAN · ask · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i
  GENERATION · chat broken-model · broken-model · ! BadRequestError: Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'i
    SPAN · POST · ! `,
    trace: [null, answer],
    tool: [null, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'tool'), says(answer)],
  },
]
