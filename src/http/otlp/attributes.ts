import type { ObservationType } from '../../domain/observation-types.ts'
import { usageKeys } from './usage-attributes.ts'

/** Mastra names the attributes that hold the input and the output of a span after its type. */
const mastraSpanTypes = [
  'agent_run',
  'generic',
  'memory_operation',
  'model_chunk',
  'model_generation',
  'model_inference',
  'model_step',
  'processor_run',
  'rag_embedding',
  'rag_vector_operation',
  'scorer_run',
  'workflow_run',
  'workflow_step',
]

/*
 * Which attributes give the value of which field (contracts/langfuse.md 2.8.2). To read one more key, add it to its
 * field; the first key that a span has wins. Keys are written as
 *   key            an attribute of the span
 *   key.*          all attributes below the key that are not keys of a field themselves, as one object, or as a list
 *                  where the next segment is a number
 *   key#a.0.b      a member of the JSON in an attribute, here `b` in the first element of `a`. It is only borrowed: the
 *                  attribute still counts as unused
 *   key^start      the rest of an attribute that begins with `start`. It is only borrowed, too
 *   resource:key   an attribute of the resource
 *   event:name     the attributes of the span's event of that name, or a list of them where there are several. A `*` in
 *                  the name matches any text, which is the role; then it is always a list
 *   event:name#key one attribute of the first such event
 *   messages:key   the messages in a JSON list of events in an attribute: all but the choices of the model
 *   choice:key     the choices of the model in such a list; the choice itself where there is one
 * A value that is empty JSON (`{}`, `[]`, `""`) wins only where no other key has a value. Attributes that no field used
 * are kept in the metadata, under `attributes`.
 */
export const attributeKeys = {
  observationName: ['langsmith.trace.name', 'genkit:name', 'logfire.msg', 'ai.toolCall.name'],
  toolName: ['gen_ai.tool.name', 'spring.ai.tool.definition.name'],
  traceName: ['langfuse.trace.name'],
  userId: [
    'langfuse.user.id',
    'user.id',
    'langfuse.observation.metadata.langfuse_user_id',
    'langfuse.trace.metadata.langfuse_user_id',
    'ai.telemetry.metadata.userId',
    'mastra.metadata.userId',
    'traceloop.association.properties.user_id',
  ],
  sessionId: [
    'langfuse.session.id',
    'session.id',
    'gen_ai.conversation.id',
    'spring.ai.chat.client.conversation.id',
    'langfuse.observation.metadata.langfuse_session_id',
    'langfuse.trace.metadata.langfuse_session_id',
    'ai.telemetry.metadata.sessionId',
    'mastra.metadata.sessionId',
    'mastra.metadata.threadId',
    'traceloop.association.properties.session_id',
    'gcp.vertex.agent.session_id',
    'langsmith.metadata.session_id',
    'langsmith.metadata.conversation_id',
    'langsmith.metadata.thread_id',
  ],
  tags: [
    'langfuse.trace.tags',
    'langfuse.tags',
    'langfuse.observation.metadata.langfuse_tags',
    'langfuse.trace.metadata.langfuse_tags',
    'ai.telemetry.metadata.tags',
    'mastra.tags',
    'tag.tags',
    'langsmith.span.tags',
  ],
  isPublic: ['langfuse.trace.public', 'langfuse.public'],
  version: ['langfuse.version', 'resource:service.version'],
  release: ['langfuse.release', 'resource:langfuse.release'],
  environment: [
    'langfuse.environment',
    'deployment.environment.name',
    'deployment.environment',
    'resource:langfuse.environment',
    'resource:deployment.environment.name',
    'resource:deployment.environment',
  ],
  level: ['langfuse.observation.level'],
  statusMessage: ['langfuse.observation.status_message'],
  /** Read where neither Langfuse's attribute nor the span's status has a message. */
  errorMessage: [
    'error.message',
    'exception.message',
    'otel.status_description',
    'event:exception#exception.message',
    'error.type',
    'event:exception#exception.type',
  ],
  /** OpenTelemetry's conventions set these only where the operation failed. */
  errorSign: ['error.type', 'error.message', 'exception.message'],
  model: [
    'langfuse.observation.model.name',
    'gen_ai.response.model',
    'ai.response.model',
    'ai.model.id',
    'gen_ai.request.model',
    'llm.response.model',
    'llm.model_name',
    'embedding.model_name',
    'model',
    'gen_ai.model',
    'genkit:output#model',
    'genkit:output#raw.model',
    'genkit:output#custom.modelVersion',
    'haystack.component.output#replies.0.meta.model',
    'haystack.component.output#meta.0.model',
    'request_data#model',
    'gcp.vertex.agent.llm_request#model',
    'genkit:key^/model/',
  ],
  modelParameters: [
    'langfuse.observation.model.parameters',
    'llm.invocation_parameters',
    'model_config',
    'gen_ai.request.*',
    'ai.settings.*',
  ],
  usageDetails: ['langfuse.observation.usage_details'],
  costDetails: ['langfuse.observation.cost_details'],
  ...usageKeys,
  completionStartTime: [
    'langfuse.observation.completion_start_time',
    'mastra.completion_start_time',
  ],
  msToFirstChunk: ['ai.response.msToFirstChunk', 'ai.stream.msToFirstChunk'],
  secondsToFirstChunk: [
    'gen_ai.response.time_to_first_chunk',
    'gen_ai.client.operation.time_to_first_chunk',
    'lk.response.ttft',
  ],
  promptName: [
    'langfuse.observation.prompt.name',
    'langfuse.prompt.name',
    'ai.telemetry.metadata.langfusePrompt#name',
  ],
  promptVersion: [
    'langfuse.observation.prompt.version',
    'langfuse.prompt.version',
    'ai.telemetry.metadata.langfusePrompt#version',
  ],

  traceInput: ['langfuse.trace.input'],
  traceOutput: ['langfuse.trace.output'],
  input: [
    'langfuse.observation.input',
    'gen_ai.input.messages',
    'gen_ai.prompt',
    'gen_ai.prompt.*',
    'event:gen_ai.client.inference.operation.details#gen_ai.input.messages',
    'event:gen_ai.content.prompt#gen_ai.prompt',
    'event:gen_ai.*.message',
    'messages:events',
    'gen_ai.tool.call.arguments',
    'spring.ai.tool.call.arguments',
    'input.value',
    'input',
    'inputs',
    'traceloop.entity.input',
    'mlflow.spanInputs',
    'llm.input_messages.*',
    'llm.prompts.*',
    'ai.prompt.messages',
    'ai.prompt',
    'ai.toolCall.args',
    'ai.value',
    'ai.values',
    'lk.chat_ctx',
    'lk.function_tool.arguments',
    'lk.input_text',
    'lk.user_input',
    'lk.pii.chat_ctx',
    'lk.pii.function_tool.arguments',
    'lk.pii.input_text',
    'lk.pii.user_input',
    'messages:all_messages_events',
    'all_messages_events',
    'pydantic_ai.all_messages',
    'tool_arguments',
    'prompt',
    'request_data',
    'gcp.vertex.agent.llm_request',
    'gcp.vertex.agent.tool_call_args',
    'genkit:input',
    'haystack.component.input',
    'haystack.pipeline.input_data',
    ...mastraSpanTypes.map((type) => `mastra.${type}.input`),
  ],
  output: [
    'langfuse.observation.output',
    'gen_ai.output.messages',
    'gen_ai.completion',
    'gen_ai.completion.*',
    'event:gen_ai.client.inference.operation.details#gen_ai.output.messages',
    'event:gen_ai.content.completion#gen_ai.completion',
    'event:gen_ai.choice',
    'choice:events',
    'gen_ai.tool.call.result',
    'spring.ai.tool.call.result',
    'output.value',
    'output',
    'outputs',
    'traceloop.entity.output',
    'mlflow.spanOutputs',
    'llm.output_messages.*',
    'retrieval.documents.*',
    'ai.response.text',
    'ai.response.object',
    'ai.response.toolCalls',
    'ai.result.text',
    'ai.result.object',
    'ai.result.toolCalls',
    'ai.toolCall.result',
    'ai.embedding',
    'ai.embeddings',
    'lk.response.text',
    'lk.function_tool.output',
    'lk.pii.response.text',
    'lk.pii.response.function_calls',
    'lk.pii.function_tool.output',
    'final_result',
    'tool_response',
    'response_data',
    'gcp.vertex.agent.llm_response',
    'gcp.vertex.agent.tool_response',
    'genkit:output',
    'haystack.component.output',
    'haystack.pipeline.output_data',
    ...mastraSpanTypes.map((type) => `mastra.${type}.output`),
  ],
  systemInstructions: ['gen_ai.system_instructions'],

  experimentId: ['langfuse.experiment.id'],
  experimentName: ['langfuse.experiment.name'],
  experimentDescription: ['langfuse.experiment.description'],
  experimentMetadata: ['langfuse.experiment.metadata', 'langfuse.experiment.metadata.*'],
  datasetId: ['langfuse.experiment.dataset.id'],
  itemId: ['langfuse.experiment.item.id'],
  itemVersion: ['langfuse.experiment.item.version'],
  itemExpectedOutput: ['langfuse.experiment.item.expected_output'],
  itemMetadata: ['langfuse.experiment.item.metadata', 'langfuse.experiment.item.metadata.*'],
  itemRootSpanId: ['langfuse.experiment.item.root_observation_id'],

  // Read by span-ids.ts, langsmith-fields.ts and langsmith-projects.ts; not shown in the metadata.
  langsmith: [
    'langsmith.span.kind',
    'langsmith.span.id',
    'langsmith.span.parent_id',
    'langsmith.span.dotted_order',
    'langsmith.trace.id',
    'langsmith.trace.session_id',
    'langsmith.trace.session_name',
    'langsmith.is_root',
    'langsmith.traceable',
    'langsmith.traceable_parent_otel_span_id',
    'langsmith.reference_example_id',
    'langsmith.usage_metadata',
    'gen_ai.usage.input_token_details',
    'gen_ai.usage.output_token_details',
  ],

  isTraceRoot: ['langfuse.internal.as_root'],
  isAppRoot: ['langfuse.internal.is_app_root'],
} as const satisfies Record<string, readonly string[]>

export type AttributeField = keyof typeof attributeKeys

/** Attributes that hold metadata: a JSON object under the key itself, and one member for each key below it. */
export const metadataKeys = {
  trace: ['langfuse.trace.metadata'],
  observation: [
    'langfuse.observation.metadata',
    'langfuse.metadata',
    'ai.telemetry.metadata',
    'mastra.metadata',
    'langsmith.metadata',
  ],
} as const satisfies Record<string, readonly string[]>

/**
 * Which type of observation a span is. The first of these attributes whose value (in lower case) is listed decides;
 * `*` matches any value.
 */
export const observationTypeOfAttribute: readonly [
  key: string,
  types: Readonly<Record<string, ObservationType>>,
][] = [
  [
    'langfuse.observation.type',
    {
      span: 'SPAN',
      generation: 'GENERATION',
      event: 'EVENT',
      embedding: 'EMBEDDING',
      agent: 'AGENT',
      tool: 'TOOL',
      chain: 'CHAIN',
      retriever: 'RETRIEVER',
      guardrail: 'GUARDRAIL',
      evaluator: 'EVALUATOR',
    },
  ],
  [
    'langsmith.span.kind',
    {
      llm: 'GENERATION',
      chain: 'CHAIN',
      tool: 'TOOL',
      retriever: 'RETRIEVER',
      embedding: 'EMBEDDING',
      prompt: 'SPAN',
      parser: 'SPAN',
    },
  ],
  [
    'openinference.span.kind',
    {
      llm: 'GENERATION',
      embedding: 'EMBEDDING',
      chain: 'CHAIN',
      retriever: 'RETRIEVER',
      reranker: 'RETRIEVER',
      tool: 'TOOL',
      agent: 'AGENT',
      guardrail: 'GUARDRAIL',
      evaluator: 'EVALUATOR',
    },
  ],
  [
    'gen_ai.operation.name',
    {
      chat: 'GENERATION',
      completion: 'GENERATION',
      text_completion: 'GENERATION',
      generate_content: 'GENERATION',
      generate: 'GENERATION',
      embeddings: 'EMBEDDING',
      invoke_agent: 'AGENT',
      create_agent: 'AGENT',
      execute_tool: 'TOOL',
      agent_step: 'AGENT',
      invoke_workflow: 'SPAN',
      retrieval: 'RETRIEVER',
    },
  ],
  [
    'genkit:metadata:subtype',
    {
      model: 'GENERATION',
      embedder: 'EMBEDDING',
      retriever: 'RETRIEVER',
      tool: 'TOOL',
      flow: 'CHAIN',
    },
  ],
  // Genkit's other spans, some of which repeat the usage of the calls that they enclose.
  ['genkit:type', { '*': 'SPAN' }],
  [
    'ai.operationId',
    {
      'ai.generatetext.dogenerate': 'GENERATION',
      'ai.streamtext.dostream': 'GENERATION',
      'ai.generateobject.dogenerate': 'GENERATION',
      'ai.streamobject.dostream': 'GENERATION',
      'ai.embed.doembed': 'EMBEDDING',
      'ai.embedmany.doembed': 'EMBEDDING',
      'ai.toolcall': 'TOOL',
      // These enclose the calls of a model and repeat their name and usage, which are counted there.
      'ai.generatetext': 'SPAN',
      'ai.streamtext': 'SPAN',
      'ai.generateobject': 'SPAN',
      'ai.streamobject': 'SPAN',
      'ai.embed': 'SPAN',
      'ai.embedmany': 'SPAN',
    },
  ],
  [
    'traceloop.span.kind',
    { workflow: 'CHAIN', task: 'SPAN', agent: 'AGENT', tool: 'TOOL', retriever: 'RETRIEVER' },
  ],
  [
    'llm.request.type',
    { chat: 'GENERATION', completion: 'GENERATION', embedding: 'EMBEDDING', rerank: 'RETRIEVER' },
  ],
  ['gen_ai.tool.name', { '*': 'TOOL' }],
  ['gen_ai.tool.call.id', { '*': 'TOOL' }],
  ['lk.function_tool.name', { '*': 'TOOL' }],
  // The run of an agent by Pydantic AI, which repeats the model and the usage of its calls.
  ['agent_name', { '*': 'AGENT' }],
]
