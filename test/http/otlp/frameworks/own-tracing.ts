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

/** Frameworks that trace themselves with OpenTelemetry. */
export const tracingFrameworks: FrameworkFacts[] = [
  {
    fixture: 'python/pydantic-ai-2.68.0',
    setUp: "Langfuse's SDK and `Agent.instrument_all()`",
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · weather-agent run
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · $0.0000304
  TOOL · get_weather
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · $0.000048

AGENT · weather-agent run · ! ModelRequestRejectedError: status_code: 400, model_name: broken-model, body: {'message': 'The model "broken-mo
  GENERATION · chat broken-model · broken-model · ! ModelRequestRejectedError: status_code: 400, model_name: broken-model, body: {'message': 'The model "broken-mo`,
    trace: [says(system, question), answer],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'user'), says(answer)],
  },
  {
    fixture: 'python/pydantic-ai-0.4.11',
    setUp: "Langfuse's SDK and `Agent.instrument_all()`",
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · weather-agent run
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
  SPAN · running 1 tool
    TOOL · get_weather
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

AGENT · weather-agent run · ! ModelHTTPError: status_code: 400, model_name: broken-model, body: {'message': 'The model "broken-model" does n
  GENERATION · chat broken-model · broken-model · ! ModelHTTPError: status_code: 400, model_name: broken-model, body: {'message': 'The model "broken-model" does n`,
    trace: [says(system, question), answer],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'python/google-adk-1.14.1',
    setUp: 'An OTLP exporter as the global tracer provider',
    session: true,
    bare: [1],
    observations: `
SPAN · invocation
  SPAN · agent_run [weather_agent]
    GENERATION · call_llm · gemini-2.5-flash · 24+16c>8+4r=52 · computed $0.00003768
      TOOL · get_weather
    GENERATION · call_llm · gemini-2.5-flash · 32+32c>12+8r=84 · computed $0.00006056

SPAN · invocation · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist
  SPAN · agent_run [weather_agent] · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist
    SPAN · call_llm · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist`,
    trace: [null, null],
    tool: [toolInput, { result: toolOutput }],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/google-adk-2.13.0',
    setUp:
      'An OTLP exporter, `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental` and `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY`',
    session: true,
    observations: `
SPAN · invoke_workflow weather_agent
  AGENT · invoke_agent weather_agent
    GENERATION · generate_content gemini-2.5-flash · gemini-2.5-flash · 24+16c>8+4r=52 · computed $0.00003768
    TOOL · get_weather
    GENERATION · generate_content gemini-2.5-flash · gemini-2.5-flash · 32+32c>12+8r=84 · computed $0.00006056

SPAN · invoke_workflow weather_agent · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist
  AGENT · invoke_agent weather_agent · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist
    GENERATION · generate_content gemini-broken · gemini-broken · ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The model "broken-model" does not exist`,
    trace: [null, null],
    tool: [toolInput, { result: toolOutput }],
    firstCall: [says(system, question), says('get_weather', 'Paris')],
    lastCall: [says(system, question, toolOutput), says(answer)],
  },
  {
    fixture: 'python/strands-agents-1.62.0',
    setUp:
      '`StrandsTelemetry().setup_otlp_exporter()`; `Agent(trace_attributes={"session.id": …, "user.id": …, "langfuse.tags": …})`',
    user: true,
    session: true,
    tags: true,
    observations: `
AGENT · invoke_agent weather-agent · gpt-4.1-mini
  SPAN · execute_event_loop_cycle
    GENERATION · chat · gpt-4.1-mini · 24+16c>12=52 · computed $0.0000304
    TOOL · get_weather
  SPAN · execute_event_loop_cycle
    GENERATION · chat · gpt-4.1-mini · 32+32c>20=84 · computed $0.000048

AGENT · invoke_agent weather-agent · broken-model · ! Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'invalid_request_er
  SPAN · execute_event_loop_cycle · ! Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'invalid_request_er
    GENERATION · chat · broken-model · ! Error code: 400 - {'error': {'message': 'The model "broken-model" does not exist', 'type': 'invalid_request_er`,
    trace: [messages('system', 'user'), says(answer)],
    tool: [says('Paris'), says(toolOutput)],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'python/semantic-kernel-1.45.0',
    setUp:
      'An OTLP exporter and `SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE=true`',
    observations: `
AGENT · invoke_agent weather-agent
  SPAN · AutoFunctionInvocationLoop
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini · 40>12=52 · computed $0.0000352
    TOOL · Weather-get_weather
    GENERATION · chat gpt-4.1-mini · gpt-4.1-mini · 64>20=84 · computed $0.0000576

AGENT · invoke_agent weather-agent · ! ServiceResponseException: ("<class 'semantic_kernel.connectors.ai.open_ai.services.open_ai_chat_completion.Ope
  SPAN · AutoFunctionInvocationLoop · ! ServiceResponseException: ("<class 'semantic_kernel.connectors.ai.open_ai.services.open_ai_chat_completion.Ope
    GENERATION · chat broken-model · broken-model · ! ServiceResponseException: ("<class 'semantic_kernel.connectors.ai.open_ai.services.open_ai_chat_completion.Ope`,
    trace: [says(question), says(answer)],
    tool: [toolInput, toolOutput],
    firstCall: [null, null],
    lastCall: [null, null],
  },
  {
    fixture: 'python/agent-framework-1.23.0',
    setUp:
      '`configure_otel_providers(enable_sensitive_data=True)` with `OTEL_EXPORTER_OTLP_ENDPOINT`',
    observations: `
AGENT · invoke_agent weather-agent · gpt-4.1-mini
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>8+4r=52 · computed $0.0000304
  TOOL · get_weather
  GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>12+8r=84 · computed $0.000048

AGENT · invoke_agent weather-agent · broken-model · ! ChatClientException('<class \\'agent_framework_openai._chat_completion_client.OpenAIChatCompletionClient\\'> ser
  GENERATION · chat broken-model · broken-model · ! ChatClientException('<class \\'agent_framework_openai._chat_completion_client.OpenAIChatCompletionClient\\'> ser`,
    trace: [messages('system', 'user'), says(answer)],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
  },
  {
    fixture: 'python/livekit-agents-1.8.9',
    setUp:
      '`set_tracer_provider(provider, metadata={"langfuse.session.id": …, "langfuse.user.id": …})`',
    user: true,
    session: true,
    tags: true,
    observations: `
SPAN · agent_session
  SPAN · session_start
    AGENT · start_agent_activity · gpt-4.1-mini
      SPAN · setup_toolsets
      SPAN · on_enter
  AGENT · agent_turn
    GENERATION · llm_node · gpt-4.1-mini
      GENERATION · llm_request · gpt-4.1-mini · 24+16c>8+4r=52 · computed $0.0000304
        GENERATION · llm_request_run · gpt-4.1-mini
    TOOL · get_weather
    GENERATION · llm_node · gpt-4.1-mini
      GENERATION · llm_request · gpt-4.1-mini · 32+32c>12+8r=84 · computed $0.000048
        GENERATION · llm_request_run · gpt-4.1-mini
    SPAN · agent_speaking
  SPAN · session_close
    SPAN · drain_agent_activity
      SPAN · on_exit

SPAN · agent_session
  SPAN · session_start
    AGENT · start_agent_activity · broken-model
      SPAN · setup_toolsets
      SPAN · on_enter
  AGENT · agent_turn · ! message='Error code: 400 - The model "broken-model" does not exist', status_code=400, retryable=False, body={'
    GENERATION · llm_node · broken-model · ! message='Error code: 400 - The model "broken-model" does not exist', status_code=400, retryable=False, body={'
      GENERATION · llm_request · broken-model · ! message='Error code: 400 - The model "broken-model" does not exist', status_code=400, retryable=False, body={'
        GENERATION · llm_request_run · broken-model · ! message='Error code: 400 - The model "broken-model" does not exist', status_code=400, retryable=False, body={'
  SPAN · session_close
    SPAN · drain_agent_activity
      SPAN · on_exit`,
    trace: [null, null],
    tool: [toolInput, toolOutput],
    firstCall: [messages('system', 'user'), says('get_weather', 'Paris')],
    lastCall: [messages('system', 'user', 'assistant', 'tool'), says(answer)],
    callName: 'llm_request',
  },
  {
    fixture: 'java/spring-ai-2.0.1',
    setUp:
      '`spring-boot-starter-opentelemetry`, `management.opentelemetry.tracing.export.otlp.endpoint`, `spring.ai.tools.observations.include-content=true`, and an `ObservationFilter` that puts `gen_ai.prompt` and `gen_ai.completion` on calls of models',
    observations: `
SPAN · spring_ai chat_client
  SPAN · tool _calling 
    SPAN · call
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 24+16c>12=52 · computed $0.0000304
        SPAN · POST
    TOOL · get_weather
    SPAN · call
      GENERATION · chat gpt-4.1-mini · gpt-4.1-mini-2025-04-14 · 32+32c>20=84 · computed $0.000048
        SPAN · POST

SPAN · spring_ai chat_client · ! 400: The model "broken-model" does not exist
  SPAN · tool _calling  · ! 400: The model "broken-model" does not exist
    SPAN · call · ! 400: The model "broken-model" does not exist
      GENERATION · chat broken-model · broken-model · ! 400: The model "broken-model" does not exist
        SPAN · POST`,
    trace: [null, null],
    tool: [toolInput, toolOutput],
    firstCall: [says(system, question), null],
    lastCall: [says(system, question), says(answer)],
  },
]
