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
        for name, text in {"__init__.py": "", "base.py": "", **modules}.items():
            file = name if "." in name else f"{name}.py"
            (folder / file).write_text(text.replace("{package}", package))
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


@pytest.mark.parametrize("imports", ["import ring", "cimport ring"])
def test_a_circle_through_a_compiled_module_fails(linted, imports):
    package = f"compiled_{imports.split()[0]}"
    modules = {
        "handle": "def attach():\n    from {package}.ring import Ring\n",
        "ring.pyx": "from {package}.end cimport End\n\ndef create():\n    return End()\n",
        "end.pyx": "cdef class End:\n    pass\n",
        "end.pxd": "from {package} " + imports.replace("ring", "handle") + "\n",
    }
    modules["end.pyx"] += "    from {package}.handle " + imports.replace("ring", "attach") + "\n"
    status, said = linted(package, modules)
    assert status == 1
    assert f"- {package}.ring, line 1: from {package}.end cimport End" in said
    assert f"- {package}.end, line 3: from {package}.handle" in said


def test_compiled_modules_that_import_one_way_make_no_circle(linted):
    modules = {
        "handle": "",
        "ring.pyx": "from {package}.handle import attach\nfrom {package}.base cimport Base\n",
    }
    status, said = linted("compiled_straight", modules)
    assert status == 0
    assert "Imports make no circle KEPT" in said
