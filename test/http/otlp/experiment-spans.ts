import type { TestSpan } from './spans.ts'

/** One item of an experiment, as `@langfuse/client` 5.11.1 exports it (contracts/langfuse.md 6.1). */
export function javascriptItem(item: {
  traceId: string
  rootId: string
  itemId: string
  experimentId: string
  datasetId: string | null
  start?: number
}): TestSpan[] {
  const { start = 0 } = item
  const shared = {
    'langfuse.environment': 'sdk-experiment',
    'langfuse.experiment.id': item.experimentId,
    'langfuse.experiment.name': 'run A',
    'langfuse.experiment.metadata': '{"model":"m1","cfg":{"t":0}}',
    ...(item.datasetId === null ? {} : { 'langfuse.experiment.dataset.id': item.datasetId }),
    'langfuse.experiment.item.id': item.itemId,
    'langfuse.experiment.item.metadata': '{"idx":0,"nested":{"k":"v"}}',
    'langfuse.experiment.item.root_observation_id': item.rootId,
  }
  const scope = { name: 'langfuse-sdk', version: '5.11.1' }
  return [
    {
      scope,
      traceId: item.traceId,
      spanId: `a${item.rootId.slice(1)}`,
      parentSpanId: item.rootId,
      name: 'llm-call',
      start: start + 1,
      end: start + 5,
      attributes: {
        ...shared,
        'langfuse.observation.type': 'generation',
        'langfuse.observation.input': '{"q":"Q0"}',
        'langfuse.observation.output': 'A0',
        'langfuse.observation.model.name': 'gpt-x',
        'langfuse.observation.model.parameters': '{"temperature":0}',
        'langfuse.observation.usage_details': '{"input":3,"output":5}',
        'langfuse.observation.cost_details': '{"input":0.01,"output":0.02}',
      },
    },
    {
      scope,
      traceId: item.traceId,
      spanId: item.rootId,
      name: 'experiment-item-run',
      start,
      end: start + 10,
      attributes: {
        'langfuse.internal.is_app_root': true,
        'langfuse.observation.type': 'span',
        ...shared,
        'langfuse.experiment.description': 'desc',
        'langfuse.experiment.item.expected_output': 'A0',
        'langfuse.observation.input': '{"q":"Q0"}',
        'langfuse.observation.output': 'A0',
        'langfuse.observation.metadata.idx': '0',
        'langfuse.observation.metadata.nested': '{"k":"v"}',
        'langfuse.observation.metadata.model': 'm1',
        'langfuse.observation.metadata.cfg': '{"t":0}',
        'langfuse.observation.metadata.experiment_name': 'exp',
        'langfuse.observation.metadata.experiment_run_name': 'run A',
        ...(item.datasetId === null
          ? {}
          : {
              'langfuse.observation.metadata.dataset_id': item.datasetId,
              'langfuse.observation.metadata.dataset_item_id': item.itemId,
            }),
      },
    },
  ]
}

/**
 * One item, as Python's `langfuse` 4.14.3 exports it: the task below the root is what is linked
 * (contracts/langfuse.md 6.3).
 */
export function pythonItem(item: {
  traceId: string
  rootId: string
  taskId: string
  itemId: string
  experimentId: string
  datasetId: string | null
}): TestSpan[] {
  const shared = {
    'langfuse.environment': 'sdk-experiment',
    'langfuse.experiment.id': item.experimentId,
    'langfuse.experiment.name': 'py run',
    'langfuse.experiment.metadata.model': 'm',
    'langfuse.experiment.metadata.cfg.t': '0.1',
    ...(item.datasetId === null ? {} : { 'langfuse.experiment.dataset.id': item.datasetId }),
    'langfuse.experiment.item.id': item.itemId,
    'langfuse.experiment.item.metadata.m': 0,
    'langfuse.experiment.item.metadata.n.k': '[1]',
    'langfuse.experiment.item.root_observation_id': item.taskId,
  }
  const content = {
    'langfuse.experiment.description': 'desc',
    'langfuse.experiment.item.expected_output': '{"a": 0}',
    'langfuse.observation.input': '{"q": 0}',
    'langfuse.observation.output': '{"a": 0}',
    'langfuse.observation.metadata.m': 0,
    'langfuse.observation.metadata.n': '{"k": [1]}',
    'langfuse.observation.metadata.model': 'm',
    'langfuse.observation.metadata.cfg': '{"t": 0.1}',
    'langfuse.observation.metadata.experiment_name': 'py exp',
    'langfuse.observation.metadata.experiment_run_name': 'py run',
  }
  const scope = {
    name: 'langfuse-sdk',
    version: '4.14.3',
    attributes: { public_key: 'pk-lf-test' },
  }
  const evaluation = `e${item.rootId.slice(1)}`
  return [
    {
      scope,
      traceId: item.traceId,
      spanId: item.rootId,
      name: 'experiment-item-run',
      attributes: { 'langfuse.internal.is_app_root': true, ...shared, ...content },
      end: 20,
    },
    {
      scope,
      traceId: item.traceId,
      spanId: item.taskId,
      parentSpanId: item.rootId,
      name: 'experiment-item-task',
      start: 1,
      end: 8,
      attributes: { ...shared, ...content },
    },
    {
      scope,
      traceId: item.traceId,
      spanId: evaluation,
      parentSpanId: item.rootId,
      name: 'experiment-item-evaluation',
      start: 9,
      end: 15,
      attributes: {
        ...shared,
        'langfuse.observation.output':
          '{"evaluator_count": 2, "evaluation_count": 3, "failed_evaluator_count": 0, "skipped_evaluator_count": 0}',
      },
    },
    {
      scope,
      traceId: item.traceId,
      spanId: `d${item.rootId.slice(1)}`,
      parentSpanId: evaluation,
      name: 'ev',
      start: 10,
      end: 11,
      attributes: {
        ...shared,
        'langfuse.observation.type': 'evaluator',
        'langfuse.observation.metadata.evaluator_kind': 'item',
        'langfuse.observation.metadata.evaluator_index': 0,
        'langfuse.observation.output':
          '[{"name": "acc", "value": 1.0, "comment": "c", "metadata": {"z": 1}}]',
      },
    },
  ]
}

/**
 * One item, as Python's `langfuse` 5.0.4 exports it: as 4 does, with metadata as JSON, and the time of the item's version
 * (contracts/langfuse.md 5.19).
 */
export function python5Item(item: {
  traceId: string
  rootId: string
  taskId: string
  itemId: string
  experimentId: string
  datasetId: string
  start?: number
}): TestSpan[] {
  const { start = 0 } = item
  const shared = {
    'langfuse.environment': 'sdk-experiment',
    'langfuse.experiment.id': item.experimentId,
    'langfuse.experiment.name': 'py run',
    'langfuse.experiment.metadata': '{"model": "m"}',
    'langfuse.experiment.dataset.id': item.datasetId,
    'langfuse.experiment.item.id': item.itemId,
    'langfuse.experiment.item.metadata': '{"m": 0}',
    'langfuse.experiment.item.root_observation_id': item.taskId,
    'langfuse.experiment.description': 'desc',
    'langfuse.experiment.item.expected_output': '{"a": 0}',
    'langfuse.experiment.item.version': '2026-11-21T19:00:00Z',
    'langfuse.observation.input': '{"q": 0}',
    'langfuse.observation.output': '{"a": 0}',
  }
  const scope = {
    name: 'langfuse-sdk',
    version: '5.0.4',
    attributes: { public_key: 'pk-lf-test' },
  }
  return [
    {
      scope,
      traceId: item.traceId,
      spanId: item.rootId,
      name: 'experiment-item-run',
      attributes: { 'langfuse.internal.is_app_root': true, ...shared },
      start,
      end: start + 20,
    },
    {
      scope,
      traceId: item.traceId,
      spanId: item.taskId,
      parentSpanId: item.rootId,
      name: 'experiment-item-task',
      start: start + 1,
      end: start + 8,
      attributes: shared,
    },
  ]
}
