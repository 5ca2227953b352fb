"""Declaration and loading: what users write, and one line for what they got wrong."""

from __future__ import annotations

import pytest

from aethermodel import Pipeline
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.terms import group_terms

HEAD = """
from aethermodel import Pipeline
pipeline = Pipeline("orders", record_bytes=256)
@pipeline.source
def orders(n, rng):
    return list(range(n))
"""


def _file(tmp_path, body, head=HEAD):
    path = tmp_path / "orders.py"
    path.write_text(head + body)
    return str(path)


def test_groups_begin_where_a_stage_runs_elsewhere():
    pipeline = Pipeline("p")
    pipeline.stage(name="a")(len)
    pipeline.stage(name="b", runs_in="process", workers=2)(len)
    pipeline.stage(name="c")(len)

    @pipeline.stage(runs_in="thread")
    async def d(batch): ...

    found = group_terms(pipeline)
    assert [(g.name, g.place, g.workers, g.terms) for g in found] == [
        ("a", "same", 1, ("a", "send-b")),
        ("b", "process", 2, ("receive-b", "b", "c", "send-d")),
        ("d", "thread", 1, ("receive-d", "d", "loop")),
    ]


def test_a_thread_that_only_feeds_hands_over():
    pipeline = Pipeline("p")
    pipeline.stage(name="a", runs_in="process")(len)
    assert [(g.name, g.terms) for g in group_terms(pipeline)] == [
        ("source", ("send-a",)),
        ("a", ("receive-a", "a")),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "pipeline orders has no stage to run"),
        (
            "@pipeline.stage\ndef a(b): ...\n@pipeline.stage\ndef a(b): ...\n",
            "two stages are named a",
        ),
        ("@pipeline.stage\ndef loop(b): ...\n", "stage loop: a name is"),
        ("@pipeline.stage(runs_in='gpu')\ndef a(b): ...\n", "runs_in is same, thread or process"),
        ("@pipeline.stage(workers=2)\ndef a(b): ...\n", "workers are threads or processes"),
        ("@pipeline.stage\ndef a(b, wire): ...\n", "its parameter wire is no resource"),
        ("@pipeline.source\ndef again(n, rng): ...\n", "has two sources"),
        ("1 / 0\n", "orders.py:7: ZeroDivisionError: division by zero"),
        ("def a(:\n", "orders.py:7: SyntaxError"),
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all'"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        (
            "@pipeline.stage\ndef a(b): ...\nother = Pipeline('other')\n",
            "2 pipelines: choose one by FILE.py:NAME, of pipeline, other",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, body, said):
    with pytest.raises(InputError) as refused:
        load_pipeline(_file(tmp_path, body))
    assert said in str(refused.value)
    assert "orders.py" in str(refused.value) and "\n" not in str(refused.value)


def test_a_pipeline_is_loaded_by_its_name(tmp_path):
    path = _file(tmp_path, "@pipeline.stage\ndef a(b): ...\nother = Pipeline('other')\n")
    assert load_pipeline(f"{path}:pipeline").name == "orders"
    with pytest.raises(InputError, match="it has pipeline, other"):
        load_pipeline(f"{path}:third")


def test_what_lies_beside_the_file_can_be_imported(tmp_path):
    (tmp_path / "beside_orders.py").write_text("def a(batch): return batch\n")
    path = _file(tmp_path, "from beside_orders import a\npipeline.stage(a)\n")
    assert [stage.name for stage in load_pipeline(path).own] == ["a"]


def test_a_file_that_is_not_there_or_no_python_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_pipeline(str(tmp_path / "none.py"))
    with pytest.raises(InputError, match="declared in a Python file"):
        load_pipeline(str(tmp_path / "law.json"))


def test_a_compiled_function_and_an_object_are_stages():
    class Doubler:
        async def __call__(self, batch): ...

    pipeline = Pipeline("p")
    pipeline.stage(len)
    pipeline.stage(Doubler())
    assert [(s.name, s.waits) for s in pipeline.own] == [("len", False), ("Doubler", True)]
