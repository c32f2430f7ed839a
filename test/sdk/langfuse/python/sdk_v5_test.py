"""Langfuse's Python SDK 5, unmodified, against a running server. It traces by OpenTelemetry alone and sends scores as
lists; older versions are tested by sdk_test.py.

    LANGFUSE_BASE_URL=http://127.0.0.1:3000 LANGFUSE_PUBLIC_KEY=pk-… LANGFUSE_SECRET_KEY=sk-… python sdk_v5_test.py

Makes datasets and traces under names of its own, so that it can run against the same server again.
"""

import json
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from checks import check, equal, eventually, main, require_address

require_address("LANGFUSE_BASE_URL")

from langfuse import Evaluation, Langfuse, propagate_attributes
from langfuse.batch_evaluation import EvaluatorInputs

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
EVERYTHING = "core,basic,time,io,metadata,model,usage,trace_context"

client = Langfuse()
state = {}


def scores_of(**asked):
    return client.api.scores.get_many(limit=100, fields="core,details,subject", **asked).data


def observations_of(trace_id):
    found = client.api.observations.get_many(trace_id=trace_id, fields=EVERYTHING, limit=100).data
    return {each["name"] if isinstance(each, dict) else each.name: each for each in found}


def experiments_of(**asked):
    return client.api.experiments.list(from_start_time=SINCE, fields="core,metadata,scores", **asked).data


def items_of(experiment_id, fields="core,dataset,io,itemMetadata,scores"):
    return client.api.experiments.list_items(
        from_start_time=SINCE, experiment_id=experiment_id, fields=fields
    ).data


def task(*, item, **_):
    question = (item["input"] if isinstance(item, dict) else item.input)["q"]
    with client.start_as_current_observation(
        as_type="generation", name="model", model="m-1", input=[{"role": "user", "content": question}]
    ) as model:
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


def run(dataset, run_name):
    return dataset.run_experiment(
        name="baseline",
        run_name=run_name,
        description="first try",
        metadata={"model": "m-1"},
        task=task,
        evaluators=[correct, others],
        run_evaluators=[accuracy],
    )


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
def an_experiment_on_a_dataset_is_found_by_the_id_that_it_hands_out():
    result = state["result"] = run(state["dataset"], RUN_NAME)
    equal(len(result.item_results), 3)
    equal([each.value for each in result.run_evaluations], [2 / 3])
    [found] = eventually(
        lambda: experiments_of(id=result.experiment_id),
        lambda listed: len(listed) == 1 and listed[0].item_count == 3 and listed[0].scores,
    )
    equal((found.id, found.name, found.description), (result.experiment_id, RUN_NAME, "first try"))
    equal((found.dataset_id, found.metadata), (state["dataset"].id, {"model": "m-1"}))
    equal([(score.name, score.value, score.comment) for score in found.scores], [("accuracy", 2 / 3, "of the run")])


@check
def its_items_hold_input_output_and_every_score():
    id = state["result"].experiment_id
    items = eventually(
        lambda: items_of(id),
        lambda listed: len(listed) == 3 and all(len(item.scores) == 3 for item in listed),
    )
    traces = {each.item.id: each.trace_id for each in state["result"].item_results}
    equal({item.experiment_item_id: item.trace_id for item in items}, traces)
    for item in items:
        position = IDS.index(item.experiment_item_id)
        answer = ANSWERS[QUESTIONS[position]]
        equal((item.input, item.output), ({"q": QUESTIONS[position]}, {"a": answer}))
        equal((item.expected_output, item.environment), ({"a": REFERENCE[position]}, "sdk-experiment"))
        equal(item.experiment_item_metadata, {"from": item.experiment_item_id, "nested": {"k": [1]}})
        scores = {score.name: score for score in item.scores}
        equal((scores["correct"].value, scores["correct"].comment), (answer == REFERENCE[position], "compared"))
        equal((scores["length"].value, scores["length"].metadata), (len(answer) / 8, {"unit": "bytes"}))
        equal((scores["verdict"].data_type, scores["verdict"].value), ("CATEGORICAL", "SHORT"))


@check
def each_trace_holds_usage_and_cost():
    for result in state["result"].item_results:
        shown = eventually(
            lambda: observations_of(result.trace_id),
            lambda found: "model" in found and "experiment-item-run" in found,
        )
        model = shown["model"]
        equal((model.type, model.model), ("GENERATION", "m-1"))
        equal((model.usage_details, model.cost_details), (USAGE, COST))
        equal(model.total_cost, COST["total"])
        equal((shown["correct"].type, shown["others"].type), ("EVALUATOR", "EVALUATOR"))
        equal(shown["model"].parent_observation_id, shown["experiment-item-task"].id)


@check
def the_score_of_the_run_hangs_on_the_run():
    id = state["result"].experiment_id
    [score] = eventually(lambda: scores_of(experiment_id=id), lambda found: len(found) == 1)
    equal((score.name, score.value, score.comment), ("accuracy", 2 / 3, "of the run"))
    equal((score.subject.kind, score.subject.id), ("experiment", id))


@check
def the_same_run_again_adds_to_the_same_experiment():
    again = run(state["dataset"], RUN_NAME)
    equal(again.experiment_id, state["result"].experiment_id)
    eventually(lambda: items_of(again.experiment_id, "core"), lambda listed: len(listed) == 6)
    equal(len(experiments_of(name=RUN_NAME)), 1)


@check
def an_experiment_on_a_version_says_so_on_its_items():
    client.create_dataset_item(dataset_name=DATASET, id=IDS[1], expected_output={"a": "FOUR"})
    old = client.get_dataset(DATASET, version=state["version"])
    equal({item.id: item.expected_output["a"] for item in old.items}, dict(zip(IDS, REFERENCE)))
    result = run(old, f"on a version {RUN}")
    items = eventually(lambda: items_of(result.experiment_id), lambda listed: len(listed) == 3)
    for item in items:
        equal(item.experiment_item_version, state["version"])
        equal(item.expected_output, {"a": REFERENCE[IDS.index(item.experiment_item_id)]})


@check
def run_experiment_on_local_data_makes_traces_and_scores():
    data = [{"input": {"q": "1+1"}, "expected_output": {"a": "2"}}, {"input": {"q": "2+2"}}]
    result = client.run_experiment(
        name=f"local {RUN}", data=data, task=task, evaluators=[correct], run_evaluators=[accuracy]
    )
    [found] = eventually(
        lambda: experiments_of(id=result.experiment_id),
        lambda listed: len(listed) == 1 and listed[0].item_count == 2 and listed[0].scores,
    )
    equal((found.name, found.dataset_id), (result.run_name, None))
    equal([(score.name, score.value) for score in found.scores], [("accuracy", 0.5)])
    items = eventually(
        lambda: items_of(result.experiment_id),
        lambda listed: all(len(item.scores) == 1 for item in listed),
    )
    equal(sorted(item.output["a"] for item in items), ["2", "four"])


@check
def traces_keep_user_session_tags_and_nested_observations():
    session = f"session {RUN}"
    with client.start_as_current_observation(name="root", input={"q": 1}) as root:
        with propagate_attributes(user_id=RUN, session_id=session, tags=["a", "b"]):
            with client.start_as_current_observation(as_type="tool", name="search", input="x") as tool:
                tool.update(output=["y"], level="WARNING", status_message="slow", metadata={"empty": ""})
            client.create_event(name="seen", metadata={"k": 1})
        root.update(output={"a": 2})
        state["trace_id"], state["root_id"], state["session"] = root.trace_id, root.id, session
    client.flush()
    shown = eventually(lambda: observations_of(state["trace_id"]), lambda found: len(found) == 3)
    search = shown["search"]
    equal((search.user_id, search.session_id, sorted(search.tags)), (RUN, session, ["a", "b"]))
    equal((search.type, search.parent_observation_id), ("TOOL", state["root_id"]))
    equal((json.loads(shown["root"].input), json.loads(search.output)), ({"q": 1}, ["y"]))
    equal((str(search.level).split(".")[-1], search.status_message), ("WARNING", "slow"))
    equal(search.metadata.get("empty"), "")
    equal((shown["seen"].type, shown["seen"].parent_observation_id), ("EVENT", state["root_id"]))
    listed = client.api.observations.get_many(user_id=RUN, is_root_observation=False, fields="basic").data
    equal(sorted(each.name for each in listed), ["search", "seen"])


@check
def scores_of_each_type_read_back():
    trace_id, at = state["trace_id"], datetime(2026, 1, 21, 14, 35, 42, tzinfo=timezone(timedelta(hours=2)))
    client.create_score(
        name="number", value=0.25, trace_id=trace_id, score_id=f"n-{RUN}", metadata={"k": 1, "e": ""}, timestamp=at
    )
    client.create_score(name="label", value="good", trace_id=trace_id, observation_id=state["root_id"])
    client.create_score(name="text", value="fine", data_type="TEXT", trace_id=trace_id)
    client.create_score(name="yes", value=1, data_type="BOOLEAN", session_id=state["session"])
    client.flush()
    by_name = {
        score.name: score
        for score in eventually(lambda: scores_of(trace_id=trace_id), lambda found: len(found) == 3)
    }
    number = by_name["number"]
    equal((number.id, number.value, number.metadata), (f"n-{RUN}", 0.25, {"k": 1, "e": ""}))
    equal(number.timestamp, at)
    equal((by_name["label"].value, by_name["label"].subject.id), ("good", state["root_id"]))
    equal((by_name["text"].data_type, by_name["text"].value), ("TEXT", "fine"))
    [yes] = eventually(lambda: scores_of(session_id=state["session"]), lambda found: len(found) == 1)
    equal((yes.data_type, yes.value, yes.subject.kind), ("BOOLEAN", True, "session"))


@check
def batch_evaluation_scores_the_observations_that_a_filter_finds():
    conditions = [
        {"type": "string", "column": "traceId", "operator": "=", "value": state["trace_id"]},
        {"type": "stringOptions", "column": "name", "operator": "any of", "value": ["search", "other"]},
    ]
    result = client.run_batched_evaluation(
        filter=json.dumps(conditions),
        mapper=lambda *, item: EvaluatorInputs(input=item.id, output=item.name),
        evaluators=[lambda *, output, **_: Evaluation(name=f"batch {RUN}", value=output)],
    )
    client.flush()
    equal((result.completed, result.total_items_processed, result.total_scores_created), (True, 1, 1))
    [score] = eventually(lambda: scores_of(name=f"batch {RUN}"), lambda found: len(found) == 1)
    equal((score.value, score.subject.trace_id), ("search", state["trace_id"]))


@check
def a_prompt_which_the_server_does_not_keep_falls_back():
    equal(client.get_prompt(f"prompt {RUN}", fallback="Hi {{name}}").compile(name="Ada"), "Hi Ada")


@check
def what_is_deleted_is_gone():
    client.api.trace.delete(state["trace_id"])
    eventually(lambda: observations_of(state["trace_id"]), lambda found: found == {})
    client.api.scores.delete(f"n-{RUN}")
    equal(scores_of(id=f"n-{RUN}"), [])
    client.api.dataset_items.delete(IDS[0])
    equal([item.id for item in client.get_dataset(DATASET).items], [IDS[1], IDS[2]])


if __name__ == "__main__":
    sys.exit(main())
