"""Import contracts: what counts as a circle of modules."""

from __future__ import annotations

import pytest
from importlinter.cli import lint_imports

CONTRACT = """
[tool.importlinter]
root_packages = ["{package}"]
contract_types = ["acyclic_modules: tools.acyclic_modules.AcyclicModules"]

[[tool.importlinter.contracts]]
name = "Imports make no circle"
type = "acyclic_modules"
"""
PLAIN = "from {package}.base import Base\n"
TYPES = (
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {package}.{name} import Own\n"
)
LAZY = "def save():\n    from {package}.{name} import write\n"


@pytest.fixture
def linted(tmp_path, monkeypatch, capsys):
    """Write a package of modules; return the status of its lint and what it said."""

    def lint(package, modules):
        folder = tmp_path / package
        folder.mkdir()
        for name, text in {"__init__": "", "base": "", **modules}.items():
            (folder / f"{name}.py").write_text(text.replace("{package}", package))
        config = tmp_path / "pyproject.toml"
        config.write_text(CONTRACT.format(package=package))
        monkeypatch.syspath_prepend(tmp_path)
        status = lint_imports(config_filename=str(config), no_cache=True, no_logo=True)
        return status, capsys.readouterr().out

    return lint


@pytest.mark.parametrize(
    ("package", "law", "law_file"),
    [
        ("plain_circle", "import plain_circle.law_file\n", "import plain_circle.law\n"),
        (
            "typed_circle",
            PLAIN + LAZY.replace("{name}", "law_file"),
            TYPES.replace("{name}", "law"),
        ),
        ("lazy_circle", LAZY.replace("{name}", "law_file"), LAZY.replace("{name}", "law")),
    ],
    ids=["plain", "typed", "lazy"],
)
def test_a_circle_fails_wherever_its_imports_stand(linted, package, law, law_file):
    status, said = linted(package, {"law": law, "law_file": law_file})
    assert status == 1
    assert "Imports make no circle BROKEN" in said
    for name, other in (("law", "law_file"), ("law_file", "law")):
        (line,) = [line for line in said.splitlines() if line.startswith(f"- {package}.{name}, ")]
        assert f"{package}.{other}" in line.partition(": ")[2]


def test_a_class_above_what_saves_its_data_is_no_circle(linted):
    modules = {
        "law": PLAIN + LAZY.replace("{name}", "law_file"),
        "law_file": TYPES.replace("{name}", "base") + PLAIN,
    }
    status, said = linted("straight", modules)
    assert status == 0
    assert "Imports make no circle KEPT" in said
