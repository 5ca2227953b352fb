"""Help of the commands: every default, and of each bench how long it takes."""

import re

import pytest
import typer
from test_bad_input import call

from aethermodel.bench.dispatch import DispatchBench
from aethermodel.bench.latency.adaptive import AdaptiveCampaign
from aethermodel.bench.latency.latency_campaign import LatencyCampaign
from aethermodel.cli import app
from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.console import command_of
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.sweep.plan import Sweep

__all__ = ["call"]
#: Options that are off unless they are given: there is nothing that they are otherwise.
OFF = {
    "set_", "loop_of", "nic", "within", "rate", "sensitivity", "register", "kills", "keep",
    "p99", "probe", "notebook", "check", "store",
}  # fmt: skip


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app)))
GROUPS = sorted({path[:-1] for path in COMMANDS})


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_shows_every_default_and_an_example(path):
    command = COMMANDS[path]
    assert "Example: aethermodel" in command.help
    for option in command.params:
        optional = option.param_type_name == "option" and not option.required
        if optional and option.default is None and option.name not in OFF:
            assert "[default: " in option.help, option.name


@pytest.mark.parametrize("path", [*COMMANDS, *GROUPS], ids=" ".join)
def test_no_word_is_broken_at_its_hyphen(call, monkeypatch, path):
    """Nothing of it could be copied: `--secret-` and `file` are no option, `shm-` no row.

    Nothing tells typer to leave hyphens alone. Help is never wider than 80 columns, so that these
    lines are those of all wider terminals too.
    """
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    said = call(*path, "--help")[1]
    assert not re.findall(r"\S*\w-$", said, re.MULTILINE)


def default_of(path, name):
    (option,) = [o for o in COMMANDS[path].params if o.name == name]
    return re.search(r"\[default: (.*)\]", option.help)[1]


def test_the_defaults_shown_are_those_that_hold():
    for path in (("validate",), ("calibrate",), ("report", "of")):
        for name in ("processes", "repeats", "topics", "seed"):
            assert default_of(path, name) == str(getattr(Campaign(), name))
    assert default_of(("validate",), "batch_sizes") == ",".join(map(str, Campaign().batch_sizes))
    pools = f"{Campaign().pool}; {Campaign(fabric='shm').pool} from another process"
    assert default_of(("validate",), "pool") == pools
    for name in ("processes", "repeats"):
        assert default_of(("bench", "dispatch"), name) == str(getattr(DispatchBench(), name))
    plain, adaptive = LatencyCampaign(), AdaptiveCampaign()
    for name in ("group", "processes"):
        shown = f"{getattr(plain, name)}; with --adaptive {getattr(adaptive, name)}"
        assert default_of(("bench", "latency"), name) == shown
    assert default_of(("bench", "latency"), "largest") == str(plain.largest)
    assert default_of(("bench", "latency"), "batches") == str(plain.batches)
    sweep = Sweep(probe="ffi")
    for name in ("repeats", "samples", "sample_seconds", "noise_gate", "retries"):
        assert default_of(("sweep", "run"), name) == str(getattr(sweep, name))
    assert float(default_of(("sweep", "run"), "timeout")) == sweep.timeout_seconds


def test_each_bench_says_how_long_it_takes(call):
    _, said, _ = call("bench", "--help")
    listed = said[said.index("Commands:") :].splitlines()[1:]
    assert [line.split()[0] for line in listed if line] == list(SECONDS)
    assert all(re.search(r"\((\d+ s|[\d.]+ min)\)$", line) for line in listed if line)
    assert SECONDS["pipeline"] <= 180


@pytest.mark.parametrize("words", [(), ("bench",), ("sweep",), ("history",)])
@pytest.mark.parametrize("width", [60, 80])
def test_a_list_of_commands_cuts_no_line(call, monkeypatch, width, words):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERMINAL_WIDTH", str(width))
    said = call(*words, "--help")[1]
    listed = said[said.index("Commands:") :].splitlines()
    assert len(listed) > 2
    assert not [line for line in said.splitlines() if len(line) > width]
    assert not [line for line in listed if "..." in line]


@pytest.mark.parametrize("words", [(), ("bench",), ("sweep",)])
def test_a_group_without_a_command_is_answered_with_its_help(call, words):
    status, said, lines = call(*words)
    assert (status, said) == (2, "")
    assert re.match(r"Usage: \S.*aethermodel|Usage: aethermodel", lines[0])  # as it was called
    assert not any(line.strip() == "aethermodel:" for line in lines)


@pytest.mark.parametrize("words", [("-n", "1e4"), ("-n", "10_000"), ("-n", "10000")])
def test_a_batch_size_is_written_as_one_likes(call, words):
    assert "one batch of 10,000 messages" in call("bound", *words)[1]


def test_one_message_is_no_messages(call):
    said = call("bound", "-n", "1")[1]
    assert "one batch of 1 message, on paper" in said
    assert "1 messages" not in said


def test_a_budget_of_ones_own(call, tmp_path):
    (tmp_path / "own.toml").write_text('[parameters.t_loop]\nvalue = 5\nunit = "us"\n')
    said = call("bound", "--spec", "own.toml", "--set", "t_kernel=3 ns/event", "-n", "1e4")[1]
    assert re.search(r"loop +5\.00 ", said)
    assert re.search(r"kernel  <- binds +30\.00 ", said)
    assert re.search(r"t_loop +5\.00 µs +own\.toml", said)
    assert re.search(r"t_kernel +3\.00 ns/event +set by hand", said)


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (("--set", "t_loop=5 apples"), "", "t_loop: '5 apples' is not in s"),
        (("--set", "t_lop=5us"), "", "no parameter 't_lop'; there are t_loop"),
        (("--set", "t_loop"), "", "--set wants name=value"),
        (("--set", "t_loop=5 B"), "", "t_loop: '5 B' is not in s"),
        (("--spec", "o.toml"), "[parameters.t_loop\n", "o.toml: not TOML (Expected"),
        (
            ("--spec", "o.toml"),
            "[parameters.x]\nvalue=1",
            "o.toml: parameters.x: there is no such setting",
        ),
        (
            ("--spec", "o.toml"),
            "[parameters.t_loop]\nvalue=1",
            "o.toml: parameters.t_loop.unit: Field required",
        ),
        (("--spec", "o.toml"), "batch_size = 0", "o.toml: batch_size: Input should be greater"),
        (
            ("--spec", "o.toml"),
            "parameters = 3",
            "o.toml: parameters: Input should be a valid dictionary",
        ),
        (("--spec", "missing.toml"), "", "missing.toml: No such file"),
    ],
)
def test_a_budget_that_is_none_is_one_clear_line(call, tmp_path, words, text, message):
    (tmp_path / "o.toml").write_text(text)
    status, said, lines = call("bound", *words)
    assert (status, said, len(lines)) == (2, "", 1)
    assert message in lines[0]


def test_one_command_alone_is_built_and_all_for_a_name_that_is_none():
    assert list(command_of(app, "predict").commands) == ["predict"]
    assert len(command_of(app, "bench").commands["bench"].commands) > 10
    assert set(command_of(app, "prdict").commands) == set(command_of(app).commands)
    single = typer.Typer()
    single.command("one")(lambda: None)
    assert not hasattr(command_of(single, "one"), "commands")
