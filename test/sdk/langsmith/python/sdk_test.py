"""LangSmith's Python SDK, unmodified, against a running server.

    LANGSMITH_ENDPOINT=http://127.0.0.1:3000 LANGSMITH_API_KEY=sk-… python sdk_test.py

Makes datasets and projects under names of its own, so that it can run against the same server again.
"""

import asyncio
import os
import sys
import uuid
import warnings
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from checks import check, equal, eventually, main, require_address

ENDPOINT = require_address("LANGSMITH_ENDPOINT")
os.environ["LANGSMITH_TRACING"] = "true"
warnings.simplefilter("ignore")

import requests
from langsmith import Client, aevaluate, evaluate, traceable
from langsmith.evaluation import evaluate_comparative
from langsmith.run_helpers import get_current_run_tree, tracing_context
from langsmith.schemas import Attachment, ExampleCreate, ExampleUpdate
from opentelemetry import trace

RUN = uuid.uuid4().hex[:8]
DATASET = f"python sums {RUN}"
IDS = [uuid.uuid4() for _ in range(3)]
INPUTS = [{"q": "1+1"}, {"q": "2+2"}, {"q": "3+3"}]
REFERENCE = [{"a": "2"}, {"a": "4"}, {"a": "6"}]
ANSWERS = {"1+1": "2", "2+2": "four", "3+3": "6"}
IMAGE = bytes([0, 255, 10, 13])
USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_cost": 0.000001,
    "output_cost": 0.000002,
    "total_cost": 0.000003,
}

encodings: Counter = Counter()
session = requests.Session()
session.hooks["response"].append(
    lambda answer, *_, **__: encodings.update(
        [f"{answer.request.path_url} {answer.request.headers.get('Content-Encoding')} {answer.status_code}"]
    )
)
client = Client(api_url=ENDPOINT, session=session)


def finished(project_name, count):
    client.flush()
    return eventually(
        lambda: list(client.list_runs(project_name=project_name)),
        lambda runs: len(runs) == count and all(run.end_time for run in runs),
    )


@traceable(name="model", run_type="llm")
def model(q):
    if q == "broken":
        raise ValueError("boom")
    return {"text": ANSWERS[q], "usage_metadata": USAGE}


def target(inputs: dict) -> dict:
    return {"a": model(inputs["q"])["text"]}


def failing_target(inputs: dict) -> dict:
    return {"a": model("broken" if inputs["q"] == "3+3" else inputs["q"])["text"]}


def correct(outputs: dict, reference_outputs: dict) -> bool:
    return (outputs or {}).get("a") == reference_outputs["a"]


def several(run, example):
    return {"results": [{"key": "length", "score": 0.123456}, {"key": "verdict", "value": "SHORT"}]}


def accuracy(outputs: list, reference_outputs: list) -> dict:
    right = [found == wanted for found, wanted in zip(outputs, reference_outputs)]
    return {"key": "accuracy", "score": sum(right) / len(right)}


state = {}


@check
def a_dataset_and_examples_with_attachments_read_back():
    dataset = client.create_dataset(DATASET, description="additions", metadata={"level": 1})
    state["dataset"] = dataset
    client.create_example(
        inputs=INPUTS[0], outputs=REFERENCE[0], dataset_id=dataset.id, example_id=IDS[0],
        metadata={"level": "easy"}, split="train",
    )
    client.create_examples(
        dataset_id=dataset.id,
        examples=[
            ExampleCreate(
                id=IDS[1], inputs=INPUTS[1], outputs=REFERENCE[1],
                attachments={"img": ("image/png", IMAGE), "a.b": Attachment(mime_type="text/plain", data="héllo".encode())},
            ),
            ExampleCreate(id=IDS[2], inputs=INPUTS[2], outputs=REFERENCE[2], split=["test", "train"]),
        ],
    )
    equal(client.has_dataset(dataset_name=DATASET), True)
    equal(client.has_dataset(dataset_name=f"{DATASET} not"), False)
    read = client.read_dataset(dataset_name=DATASET)
    equal((read.id, read.description, read.example_count), (dataset.id, "additions", 3))
    examples = {example.id: example for example in client.list_examples(dataset_id=dataset.id, include_attachments=True)}
    equal([examples[id].inputs for id in IDS], INPUTS)
    equal([examples[id].outputs for id in IDS], REFERENCE)
    equal(examples[IDS[0]].metadata, {"level": "easy", "dataset_split": ["train"]})
    attachments = examples[IDS[1]].attachments
    equal(list(attachments), ["img", "a.b"])
    equal(attachments["img"]["mime_type"], "image/png")
    equal(attachments["img"]["reader"].read(), IMAGE)
    equal(attachments["a.b"]["reader"].read().decode(), "héllo")
    equal([example.id for example in client.list_examples(dataset_id=dataset.id, splits=["test"])], [IDS[2]])


@check
def evaluate_with_row_and_summary_evaluators_and_repetitions():
    results = evaluate(
        target, data=DATASET, evaluators=[correct, several], summary_evaluators=[accuracy],
        experiment_prefix="baseline", num_repetitions=2, max_concurrency=2, metadata={"model": "m1"}, client=client,
    )
    state["baseline"] = results.experiment_name
    said = sorted(
        (row["example"].inputs["q"], evaluated.key, evaluated.score, evaluated.value)
        for row in results
        for evaluated in row["evaluation_results"]["results"]
        if evaluated.key == "correct"
    )
    equal(said, sorted(2 * [("1+1", "correct", True, None), ("2+2", "correct", False, None), ("3+3", "correct", True, None)]))
    finished(results.experiment_name, 12)
    project = eventually(
        lambda: client.read_project(project_name=results.experiment_name, include_stats=True),
        lambda it: (it.feedback_stats or {}).get("verdict", {}).get("n") == 6,
    )
    equal(project.run_count, 6)
    equal((project.prompt_tokens, project.completion_tokens, project.total_tokens), (18, 12, 30))
    equal(float(project.total_cost), 0.000018)
    equal(project.error_rate, 0)
    equal(round(project.feedback_stats["correct"]["avg"], 4), 0.6667)
    equal(project.feedback_stats["verdict"]["values"], {"SHORT": 6})
    equal(project.session_feedback_stats["accuracy"]["n"], 1)
    equal(round(project.session_feedback_stats["accuracy"]["avg"], 4), 0.6667)
    equal(project.extra["metadata"]["model"], "m1")


@check
def aevaluate_with_a_failing_row():
    async def answer(inputs: dict) -> dict:
        await asyncio.sleep(0)
        return failing_target(inputs)

    async def judge(outputs: dict, reference_outputs: dict) -> bool:
        return correct(outputs, reference_outputs)

    judge.__name__ = "correct"

    async def run():
        results = await aevaluate(
            answer, data=DATASET, evaluators=[judge], experiment_prefix="candidate", max_concurrency=2, client=client
        )
        return results.experiment_name, [row async for row in results]

    name, rows = asyncio.run(run())
    state["candidate"] = name
    failed = [row["run"] for row in rows if row["run"].error]
    equal([run.inputs["inputs"]["q"] if "inputs" in run.inputs else run.inputs["q"] for run in failed], ["3+3"])
    finished(name, 6)
    errors = list(client.list_runs(project_name=name, error=True, is_root=True))
    equal([(run.inputs, run.status) for run in errors], [({"q": "3+3"}, "error")])
    equal("boom" in errors[0].error, True)


@check
def get_experiment_results_value_by_value():
    found = client.get_experiment_results(name=state["baseline"])
    rows = {row.id: row for row in found["examples_with_runs"]}
    equal(set(rows), set(IDS))
    for id, inputs, reference in zip(IDS, INPUTS, REFERENCE):
        row = rows[id]
        equal((row.inputs, row.outputs), (inputs, reference))
        equal(len(row.runs), 2)
        for run in row.runs:
            equal((run.inputs, run.outputs, run.error), (inputs, {"a": ANSWERS[inputs["q"]]}, None))
            equal((run.prompt_tokens, run.completion_tokens, run.total_tokens), (3, 2, 5))
            equal(float(run.total_cost), 0.000003)
            equal(run.reference_example_id, id)
            stats = run.feedback_stats
            equal((stats["correct"]["n"], stats["correct"]["avg"]), (1, 1 if reference["a"] == run.outputs["a"] else 0))
            equal(stats["length"]["avg"], 0.1235)
            equal(stats["verdict"]["values"], {"SHORT": 1})
    equal(found["run_stats"]["run_count"], 6)
    equal(found["feedback_stats"]["correct"]["n"], 6)
    equal(found["feedback_stats"]["accuracy"]["n"], 1)
    only_right = client.get_experiment_results(
        name=state["baseline"],
        filters={
            client.read_project(project_name=state["baseline"]).id: [
                'and(eq(feedback_key, "correct"), gt(feedback_score, 0.5))'
            ]
        },
    )
    equal({row.id for row in only_right["examples_with_runs"]}, {IDS[0], IDS[2]})
    preview = list(client.get_experiment_results(name=state["baseline"], preview=True, limit=1)["examples_with_runs"])
    equal(len(preview), 1)
    candidate = {row.id: row for row in client.get_experiment_results(name=state["candidate"])["examples_with_runs"]}
    # What this SDK sends for a target that failed.
    equal(candidate[IDS[2]].runs[0].outputs, {"output": None})
    equal("boom" in candidate[IDS[2]].runs[0].error, True)
    equal(candidate[IDS[0]].runs[0].outputs, {"a": "2"})


@check
def the_v2_resources_page_through_runs_and_compared_examples():
    project = client.read_project(project_name=state["baseline"])

    async def ask():
        runs = client.runs.query(
            project_ids=[str(project.id)], is_root=True, page_size=4,
            selects=["ID", "NAME", "INPUTS", "OUTPUTS", "TOTAL_TOKENS"],
        )
        rows = client.datasets.experiment_runs.query(
            str(state["dataset"].id), experiment_ids=[str(project.id)], page_size=2, selects=["ID", "OUTPUTS"]
        )
        return [run async for run in runs], [row async for row in rows]

    runs, rows = asyncio.run(ask())
    equal(len({run.id for run in runs}), 6)
    equal({(run.inputs["q"], run.outputs["a"], run.total_tokens) for run in runs}, {(q, a, 5) for q, a in ANSWERS.items()})
    equal({row.id for row in rows}, {str(id) for id in IDS})
    equal({len(row.runs) for row in rows}, {2})


@check
def evaluate_reads_attachments():
    def look(inputs: dict, attachments: dict) -> dict:
        return {name: attachments[name]["reader"].read().hex() for name in attachments}

    results = evaluate(
        look, data=client.list_examples(dataset_id=state["dataset"].id, example_ids=[IDS[1]], include_attachments=True),
        experiment_prefix="attachments", client=client,
    )
    equal([row["run"].outputs for row in results], [{"img": IMAGE.hex(), "a.b": "héllo".encode().hex()}])


@check
def evaluate_comparative_stores_preferences():
    def preferred(runs: list, example) -> dict:
        return {"key": "preferred", "scores": {run.id: 0 if run.error else 1 for run in runs}}

    compared = evaluate_comparative((state["baseline"], state["candidate"]), evaluators=[preferred], client=client)
    said = {id: score for row in compared for id, score in row["evaluation_results"]["feedback.preferred"].scores.items()}
    equal(sorted(said.values()), [0] + [1] * (len(said) - 1))
    client.flush()
    listed = eventually(
        lambda: list(client.list_feedback(run_ids=list(said), feedback_key=["preferred"])),
        lambda feedback: len(feedback) == len(said),
    )
    equal({feedback.run_id: feedback.score for feedback in listed}, said)
    equal(len({feedback.comparative_experiment_id for feedback in listed}), 1)


@check
def feedback_is_created_both_ways_changed_listed_and_deleted():
    run = next(client.list_runs(project_name=state["baseline"], is_root=True))
    single = client.create_feedback(run.id, "single", score=0.98766, comment="good")
    batched = client.create_feedback(run.id, "batched", score=1, trace_id=run.trace_id, correction={"b": 2})
    client.flush()
    eventually(lambda: client.read_feedback(batched.id), lambda _: True)
    client.update_feedback(single.id, score=0.5, comment="edited")
    read = client.read_feedback(single.id)
    equal((read.run_id, read.key, read.score, read.comment), (run.id, "single", 0.5, "edited"))
    keys = ["single", "batched"]
    listed = {it.key: it for it in client.list_feedback(run_ids=[run.id], feedback_key=keys)}
    equal({key: it.score for key, it in listed.items()}, {"single": 0.5, "batched": 1})
    equal(listed["batched"].correction, {"b": 2})
    client.delete_feedback(single.id)
    equal([it.key for it in client.list_feedback(run_ids=[run.id], feedback_key=keys)], ["batched"])


@check
def generators_nest_and_tell_their_first_token():
    project = f"python generators {RUN}"

    @traceable(run_type="llm", reduce_fn=lambda chunks: {"text": "".join(chunks), "usage_metadata": USAGE})
    def tokens(text: str):
        for word in text.split():
            yield word

    @traceable(run_type="llm", reduce_fn=lambda chunks: {"text": "".join(chunks)})
    async def later(text: str):
        for word in text.split():
            await asyncio.sleep(0)
            yield word

    @traceable(tags=["t"], metadata={"thread_id": f"thread {RUN}"})
    def parent(text: str):
        get_current_run_tree().add_event({"name": "seen", "time": datetime(2026, 1, 2, tzinfo=timezone.utc).isoformat()})
        return {"words": list(tokens(text))}

    @traceable
    async def parent_later(text: str):
        return {"words": [word async for word in later(text)]}

    with tracing_context(project_name=project, client=client, enabled=True):
        equal(parent("a b"), {"words": ["a", "b"]})
        equal(asyncio.run(parent_later("c d e")), {"words": ["c", "d", "e"]})
    runs = {run.name: run for run in finished(project, 4)}
    equal(runs["parent"].outputs, {"words": ["a", "b"]})
    equal((runs["parent"].tags, runs["parent"].total_tokens), (["t"], 5))
    equal([event["name"] for event in runs["parent"].events], ["seen"])
    equal(runs["tokens"].outputs["text"], "ab")
    equal((runs["tokens"].parent_run_id, runs["tokens"].trace_id), (runs["parent"].id, runs["parent"].id))
    equal([event["name"] for event in runs["tokens"].events], ["new_token"])
    first = datetime.fromisoformat(runs["tokens"].events[0]["time"])
    equal(runs["tokens"].first_token_time.replace(tzinfo=timezone.utc), first)
    equal(runs["later"].outputs, {"text": "cde"})
    equal(runs["later"].parent_run_id, runs["parent_later"].id)
    tree = client.read_run(runs["parent"].id, load_child_runs=True)
    equal([child.name for child in tree.child_runs], ["tokens"])
    by_thread = client.list_runs(project_name=project, filter=f'eq(thread_id, "thread {RUN}")')
    equal({run.name for run in by_thread} >= {"parent"}, True)


@check
def runs_keep_attachments_and_can_be_written_one_by_one():
    project = f"python single {RUN}"

    @traceable(dangerously_allow_filesystem=False)
    def attached(text: str, picture: Attachment):
        return {"text": text}

    with tracing_context(project_name=project, client=client, enabled=True):
        attached("hi", Attachment(mime_type="image/png", data=IMAGE))
    id = uuid.uuid4()
    client.create_run("by hand", {"a": 1}, "chain", id=id, project_name=project)
    client.update_run(id, outputs={"b": 2}, end_time=datetime.now(timezone.utc))
    runs = {run.name: run for run in finished(project, 2)}
    equal((runs["by hand"].inputs, runs["by hand"].outputs, runs["by hand"].status), ({"a": 1}, {"b": 2}, "success"))
    read = client.read_run(runs["attached"].id)
    equal(list(read.attachments), ["picture"])
    equal(read.attachments["picture"]["reader"].read(), IMAGE)


@check
def examples_are_changed_and_old_versions_stay():
    before = client.read_example(IDS[1])
    client.update_examples(
        dataset_id=state["dataset"].id,
        updates=[
            ExampleUpdate(
                id=IDS[1], outputs={"a": "four"},
                attachments_operations={"retain": ["img"], "rename": {"a.b": "c"}},
            ),
            ExampleUpdate(id=IDS[2], metadata={"level": "hard"}, split="late"),
        ],
    )
    after = client.read_example(IDS[1])
    equal((after.inputs, after.outputs), (INPUTS[1], {"a": "four"}))
    equal(sorted(after.attachments), ["c", "img"])
    equal(client.read_example(IDS[2]).metadata, {"level": "hard", "dataset_split": ["late"]})
    equal(client.read_example(IDS[1], as_of=before.modified_at).outputs, REFERENCE[1])
    client.delete_examples([IDS[0]])
    equal(len(list(client.list_examples(dataset_id=state["dataset"].id))), 2)
    versions = list(client.list_dataset_versions(dataset_id=state["dataset"].id))
    equal(len(versions) >= 3, True)


@check
def traces_sent_as_opentelemetry_spans_are_trees_in_their_project():
    project = f"python spans {RUN}"
    spans = Client(api_url=ENDPOINT, tracing_mode="otel")

    @traceable(name="whole", tags=["a", "b"], metadata={"plan": "gold"})
    def whole(q):
        return model(q)["text"]

    with tracing_context(client=spans, project_name=project, enabled=True):
        whole("1+1")
        try:
            whole("broken")
        except ValueError:
            pass
    spans.flush()
    trace.get_tracer_provider().force_flush()
    roots = [client.read_run(run.id, load_child_runs=True) for run in finished(project, 4) if run.parent_run_id is None]
    right, wrong = sorted(roots, key=lambda run: run.error or "")
    equal((right.name, right.inputs, right.outputs), ("whole", {"q": "1+1"}, {"output": "2"}))
    equal((right.tags, right.extra["metadata"]["plan"], right.total_tokens), (["a", "b"], "gold", 5))
    equal([(run.name, run.run_type, run.trace_id) for run in right.child_runs], [("model", "llm", right.id)])
    equal((wrong.status, "boom" in wrong.error, len(wrong.child_runs)), ("error", True, 1))


@check
def threads_and_traces_are_read_by_the_v2_resources_and_shared():
    project = f"python v2 {RUN}"
    thread = f"thread ä/{RUN}"
    for turn in range(3):
        traced = traceable(lambda n: {"n": n}, name=f"turn {turn}", run_type="chain")
        extra = {"project_name": project, "metadata": {"thread_id": thread}, "client": client}
        traced(turn, langsmith_extra=extra)
    client.flush()
    finished(project, 3)
    id = str(client.read_project(project_name=project).id)

    async def read():
        turns = [
            turn
            async for turn in client.threads.list_traces(
                thread, project_id=id, page_size=2, selects=["TURN_NUMBER", "NAME"]
            )
        ]
        equal([(turn.turn_number, turn.name) for turn in turns], [(3, "turn 2"), (2, "turn 1"), (1, "turn 0")])
        traces = [trace async for trace in client.traces.query(project_id=id, page_size=2)]
        equal([trace.root_run.id for trace in traces], [turn.trace_id for turn in turns])
        threads = [one async for one in client.threads.query(project_id=id)]
        equal([(one.thread_id, one.count) for one in threads], [(thread, 3)])
        stats = await client.threads.stats(thread, session_id=id, selects=["TURNS"])
        equal(stats.turns, 3)
        run = traces[0].root_run.id
        shared = await client.runs.share.create(run, session_id=id, trace_id=run)
        found = await client.public.runs.query(shared.share_token, selects=["ID", "START_TIME"])
        one = await client.public.runs.retrieve(
            run, share_token=shared.share_token, selects=["NAME"], start_time=found.items[0].start_time
        )
        equal((found.items[0].id, one.name), (run, "turn 2"))
        await client.runs.share.delete(run, session_id=id)
        await client.runs.share.delete(run, session_id=id)

    asyncio.run(read())


@check
def run_batches_went_out_compressed_and_none_was_refused():
    batches = {key: count for key, count in encodings.items() if key.startswith("/runs/multipart")}
    equal(batches.get("/runs/multipart zstd 202", 0) > 0, True)
    equal([key for key in batches if not key.endswith(" 202")], [])
    equal([key for key in encodings if key.split()[-1][0] == "5"], [])


if __name__ == "__main__":
    sys.exit(main())
