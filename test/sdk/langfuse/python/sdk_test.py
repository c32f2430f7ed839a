"""Langfuse's Python SDK, 4 or 3, unmodified, against a running server.

    LANGFUSE_BASE_URL=http://127.0.0.1:3000 LANGFUSE_PUBLIC_KEY=pk-… LANGFUSE_SECRET_KEY=sk-… python sdk_test.py

Makes datasets and traces under names of its own, so that it can run against the same server again.
"""

import json
import sys
import uuid
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from checks import check, contains, equal, eventually, main, require_address

require_address("LANGFUSE_BASE_URL")

from langfuse import Evaluation, Langfuse, propagate_attributes
from langfuse.batch_evaluation import EvaluatorInputs

IS_V4 = int(version("langfuse").split(".")[0]) >= 4
RUN = uuid.uuid4().hex[:8]
SINCE = datetime.now(timezone.utc) - timedelta(minutes=1)
DATASET = f"evals/python 100% {RUN}"
RUN_NAME = f"run A/1 {RUN}"
IDS = [f"py-{RUN}-{n}" for n in range(3)]
QUESTIONS = ["1+1", "2+2", "3+3"]
REFERENCE = ["2", "4", "6"]
ANSWERS = {"1+1": "2", "2+2": "four", "3+3": "6"}
USAGE = {"input": 3, "output": 2, "total": 5}
COST = {"input": 0.000001, "output": 0.000002, "total": 0.000003}

client = Langfuse()


def check_in(major):
    """Marks a check of what only one version of the SDK has."""
    return check if IS_V4 == (major == 4) else lambda function: function


def scores_of(**asked):
    api = client.api.scores if IS_V4 else client.api.score_v_2
    return (api.get_many if IS_V4 else api.get)(limit=100, **asked).data


def start_generation(**content):
    if IS_V4:
        return client.start_as_current_observation(as_type="generation", **content)
    return client.start_as_current_generation(**content)


def task(*, item, **_):
    question = (item["input"] if isinstance(item, dict) else item.input)["q"]
    with start_generation(name="model", model="m-1", input=[{"role": "user", "content": question}]) as model:
        model.update(
            output={"role": "assistant", "content": ANSWERS[question]},
            model_parameters={"temperature": 0},
            usage_details=USAGE,
            cost_details=COST,
        )
    return {"a": ANSWERS[question]}


def correct(*, output, expected_output, **_):
    is_right = expected_output is not None and output["a"] == expected_output["a"]
    return Evaluation(name="correct", value=is_right, data_type="BOOLEAN", comment="compared")


def others(*, output, **_):
    return [
        Evaluation(name="length", value=len(output["a"]) / 8, metadata={"unit": "bytes"}),
        Evaluation(name="verdict", value="SHORT", data_type="CATEGORICAL"),
    ]


def accuracy(*, item_results, **_):
    said = [each.value for result in item_results for each in result.evaluations if each.name == "correct"]
    return Evaluation(name="accuracy", value=sum(said) / len(said), comment="of the run")


state = {}


@check
def auth_check_accepts_the_keys():
    equal(client.auth_check(), True)


@check
def datasets_and_items_read_back_under_a_name_with_slash_blank_and_percent_sign():
    client.create_dataset(name=DATASET, description="additions", metadata={"level": 1})
    for id, question, answer in zip(IDS, QUESTIONS, REFERENCE):
        state["version"] = client.create_dataset_item(
            dataset_name=DATASET,
            id=id,
            input={"q": question},
            expected_output={"a": answer},
            metadata={"from": id, "nested": {"k": [1]}},
        ).created_at
    dataset = client.get_dataset(DATASET, fetch_items_page_size=2)
    equal((dataset.name, dataset.description, dataset.metadata), (DATASET, "additions", {"level": 1}))
    equal([item.id for item in dataset.items], IDS[::-1])
    for item, question, answer in zip(dataset.items[::-1], QUESTIONS, REFERENCE):
        equal((item.input, item.expected_output), ({"q": question}, {"a": answer}))
        equal(item.metadata, {"from": item.id, "nested": {"k": [1]}})
    state["dataset"] = dataset


@check
def a_version_of_the_dataset_holds_the_items_as_they_were():
    client.create_dataset_item(dataset_name=DATASET, id=IDS[1], expected_output={"a": "FOUR"})
    now = {item.id: item.expected_output for item in client.get_dataset(DATASET).items}
    equal(now[IDS[1]], {"a": "FOUR"})
    old = client.get_dataset(DATASET, version=state["version"])
    equal({item.id: item.expected_output["a"] for item in old.items}, dict(zip(IDS, REFERENCE)))


@check
def run_experiment_on_a_dataset_hands_out_what_was_said_and_links_each_item():
    result = state["dataset"].run_experiment(
        name="baseline",
        run_name=RUN_NAME,
        description="first try",
        metadata={"model": "m-1"},
        task=task,
        evaluators=[correct, others],
        run_evaluators=[accuracy],
        max_concurrency=2,
    )
    equal(len(result.item_results), 3)
    equal([each.value for each in result.run_evaluations], [2 / 3])
    client.flush()
    state["result"] = result
    run = client.get_dataset_run(dataset_name=DATASET, run_name=RUN_NAME)
    equal((run.id, run.description), (result.dataset_run_id, "first try"))
    contains(run.metadata, {"model": "m-1"})
    links = {link.dataset_item_id: link.trace_id for link in run.dataset_run_items}
    equal(links, {each.item.id: each.trace_id for each in result.item_results})
    runs = client.get_dataset_runs(dataset_name=DATASET)
    equal([each.name for each in runs.data], [RUN_NAME])
    listed = client.api.dataset_run_items.list(
        dataset_id=state["dataset"].id, run_name=RUN_NAME, page=1, limit=2
    )
    equal((len(listed.data), listed.meta.total_items, listed.meta.total_pages), (2, 3, 2))


@check
def each_trace_holds_input_output_usage_cost_and_scores():
    for result in state["result"].item_results:
        question = result.item.input["q"]
        answer = ANSWERS[question]
        trace = eventually(
            lambda: client.api.trace.get(result.trace_id),
            lambda found: len(found.scores) == 3
            and found.output is not None
            and any(each.name == "model" for each in found.observations)
            and all(each.end_time for each in found.observations),
        )
        equal((trace.input, trace.output), ({"q": question}, {"a": answer}))
        equal(trace.total_cost, COST["total"])
        equal(trace.environment, "sdk-experiment")
        [model] = [each for each in trace.observations if each.name == "model"]
        equal((model.type, model.model), ("GENERATION", "m-1"))
        equal(model.input, [{"role": "user", "content": question}])
        equal(model.output, {"role": "assistant", "content": answer})
        equal((model.usage_details, model.cost_details), (USAGE, COST))
        equal((model.usage.input, model.usage.output, model.usage.total), (3, 2, 5))
        equal(model.calculated_total_cost, COST["total"])
        scores = {score.name: score for score in scores_of(trace_id=result.trace_id)}
        is_right = 1 if answer == REFERENCE[QUESTIONS.index(question)] else 0
        equal((scores["correct"].data_type, scores["correct"].value), ("BOOLEAN", is_right))
        equal(scores["correct"].comment, "compared")
        equal((scores["length"].data_type, scores["length"].value), ("NUMERIC", len(answer) / 8))
        equal(scores["length"].metadata, {"unit": "bytes"})
        equal((scores["verdict"].data_type, scores["verdict"].string_value), ("CATEGORICAL", "SHORT"))
    if IS_V4:
        roots = [each for each in trace.observations if each.parent_observation_id is None]
        equal([each.name for each in roots], ["experiment-item-run"])
        types = {each.name: each.type for each in trace.observations}
        equal((types["correct"], types["others"]), ("EVALUATOR", "EVALUATOR"))


@check
def the_score_of_the_run_hangs_on_the_run():
    run_id = state["result"].dataset_run_id
    [score] = eventually(lambda: scores_of(dataset_run_id=run_id), lambda found: len(found) == 1)
    equal((score.name, score.value, score.comment), ("accuracy", 2 / 3, "of the run"))
    equal((score.dataset_run_id, score.trace_id), (run_id, None))


@check
def run_experiment_on_local_data_makes_traces_and_scores():
    data = [{"input": {"q": "1+1"}, "expected_output": {"a": "2"}}, {"input": {"q": "2+2"}}]
    result = client.run_experiment(
        name=f"local {RUN}", data=data, task=task, evaluators=[correct], run_evaluators=[accuracy]
    )
    client.flush()
    equal((result.dataset_run_id, len(result.item_results)), (None, 2))
    for each in result.item_results:
        trace = eventually(
            lambda: client.api.trace.get(each.trace_id),
            lambda found: len(found.scores) == 1 and found.output is not None,
        )
        equal((trace.input, trace.output), (each.item["input"], each.output))
    state["local"] = result


@check_in(4)
def experiments_and_their_items_are_listed():
    ask = {"from_start_time": SINCE}
    run_id = state["result"].dataset_run_id
    found = client.api.experiments.list(**ask, id=run_id, fields="core,metadata,scores").data
    equal([(each.name, each.item_count, each.description) for each in found], [(RUN_NAME, 3, "first try")])
    equal(found[0].dataset_id, state["dataset"].id)
    equal([(score.name, score.value) for score in found[0].scores], [("accuracy", 2 / 3)])
    items = client.api.experiments.list_items(**ask, experiment_id=run_id, fields="core,io,scores").data
    for item in items:
        position = IDS.index(item.experiment_item_id)
        equal(item.input, {"q": QUESTIONS[position]})
        equal(item.output, {"a": ANSWERS[QUESTIONS[position]]})
        equal(item.expected_output, {"a": REFERENCE[position]})
        equal(sorted(score.name for score in item.scores), ["correct", "length", "verdict"])
    equal(len(items), 3)
    local = client.api.experiments.list(**ask, name=state["local"].run_name).data
    equal([(each.item_count, each.dataset_id) for each in local], [(2, None)])


@check_in(3)
def an_item_run_by_hand_is_linked():
    with state["dataset"].items[0].run(
        run_name=f"by hand {RUN}", run_description="rd", run_metadata={"k": 1}
    ) as span:
        span.update_trace(input={"q": 1}, output={"a": 2})
        span.score_trace(name="by_hand", value=0.5)
        trace_id = span.trace_id
    client.flush()
    run = client.get_dataset_run(dataset_name=DATASET, run_name=f"by hand {RUN}")
    equal([each.trace_id for each in run.dataset_run_items], [trace_id])
    equal((run.description, run.metadata), ("rd", {"k": 1}))
    trace = eventually(
        lambda: client.api.trace.get(trace_id), lambda found: len(found.scores) == 1 and found.output
    )
    equal((trace.name, trace.output), (f"Dataset run: by hand {RUN}", {"a": 2}))


@check
def traces_keep_user_session_tags_and_nested_observations():
    session = f"session {RUN}"
    start = client.start_as_current_observation if IS_V4 else client.start_as_current_span
    with start(name="root", input={"q": 1}) as root:
        with propagate_attributes(user_id=RUN, session_id=session, tags=["a", "b"], metadata={"plan": "free"}):
            with client.start_as_current_observation(as_type="tool", name="search", input="x") as tool:
                tool.update(output=["y"], level="WARNING", status_message="slow")
            client.create_event(name="seen", metadata={"k": 1})
        root.update(output={"a": 2})
        trace_id, root_id = root.trace_id, root.id
    client.flush()
    trace = eventually(lambda: client.api.trace.get(trace_id), lambda found: len(found.observations) == 3)
    equal((trace.user_id, trace.session_id, sorted(trace.tags)), (RUN, session, ["a", "b"]))
    equal(trace.metadata.get("plan"), "free")
    shown = {each.name: each for each in trace.observations}
    equal((shown["search"].type, shown["search"].parent_observation_id), ("TOOL", root_id))
    equal((shown["search"].input, shown["search"].output), ("x", ["y"]))
    equal((str(shown["search"].level).split(".")[-1], shown["search"].status_message), ("WARNING", "slow"))
    equal((shown["seen"].type, shown["seen"].parent_observation_id), ("EVENT", root_id))
    equal([each.id for each in client.api.sessions.get(session).traces], [trace_id])
    equal([each.id for each in client.api.trace.list(user_id=RUN).data], [trace_id])
    state["trace_id"], state["root_id"], state["session"] = trace_id, root_id, session


@check
def scores_of_each_type_read_back():
    trace_id = state["trace_id"]
    client.create_score(name="number", value=0.25, trace_id=trace_id, score_id=f"n-{RUN}", metadata={"k": 1})
    client.create_score(name="label", value="good", trace_id=trace_id, observation_id=state["root_id"])
    client.create_score(name="yes", value=1, data_type="BOOLEAN", session_id=state["session"])
    client.flush()
    scores = eventually(lambda: scores_of(trace_id=trace_id), lambda found: len(found) == 2)
    by_name = {score.name: score for score in scores}
    equal((by_name["number"].id, by_name["number"].value), (f"n-{RUN}", 0.25))
    equal(by_name["number"].metadata, {"k": 1})
    equal((by_name["label"].string_value, by_name["label"].observation_id), ("good", state["root_id"]))
    [yes] = eventually(lambda: scores_of(session_id=state["session"]), lambda found: len(found) == 1)
    equal((yes.data_type, yes.value, yes.trace_id), ("BOOLEAN", 1, None))


@check
def batch_evaluation_scores_the_traces_that_a_filter_finds():
    condition = {"type": "string", "column": "userId", "operator": "=", "value": RUN}
    result = client.run_batched_evaluation(
        scope="traces",
        filter=json.dumps([condition]),
        mapper=lambda *, item: EvaluatorInputs(input=item.input, output=item.output),
        evaluators=[lambda *, input, output, **_: Evaluation(name="batch", value=output["a"] / 4)],
    )
    client.flush()
    equal((result.completed, result.total_items_processed, result.total_scores_created), (True, 1, 1))
    trace_id = state["trace_id"]
    [score] = eventually(lambda: scores_of(trace_id=trace_id, name="batch"), lambda found: len(found) == 1)
    equal(score.value, 0.5)


@check
def batch_evaluation_scores_observations_too():
    conditions = [
        {"type": "string", "column": "traceId", "operator": "=", "value": state["trace_id"]},
        {"type": "stringOptions", "column": "name", "operator": "any of", "value": ["search", "other"]},
    ]
    result = client.run_batched_evaluation(
        scope="observations",
        filter=json.dumps(conditions),
        mapper=lambda *, item: EvaluatorInputs(input=item.id, output=item.name),
        evaluators=[lambda *, output, **_: Evaluation(name="batch_observation", value=output)],
    )
    client.flush()
    equal((result.completed, result.total_items_processed, result.total_scores_created), (True, 1, 1))
    [id] = result.item_evaluations
    [score] = eventually(lambda: scores_of(name="batch_observation", observation_id=id), lambda found: len(found) == 1)
    equal((score.string_value, score.trace_id), ("search", state["trace_id"]))


@check
def a_deleted_run_and_item_are_gone():
    client.delete_dataset_run(dataset_name=DATASET, run_name=RUN_NAME)
    client.api.dataset_items.delete(IDS[0])
    equal([item.id for item in client.get_dataset(DATASET).items], [IDS[1], IDS[2]])
    try:
        client.get_dataset_run(dataset_name=DATASET, run_name=RUN_NAME)
        raise AssertionError("the run is still there")
    except Exception as error:
        equal(getattr(error, "status_code", error), 404)


if __name__ == "__main__":
    sys.exit(main())
