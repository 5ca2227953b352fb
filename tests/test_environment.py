"""environment.yml and pyproject.toml name the same packages and ranges."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
# What only one of the two package worlds has to ask for.
CONDA_ONLY = {"python", "c-compiler", "make", "pip"}


def ranges(requirements):
    parsed = {}
    for requirement in requirements:
        name, spec = re.match(r"([A-Za-z0-9_.-]+)\s*([^;]*)", requirement).groups()
        parsed[name.lower()] = frozenset(part.strip() for part in spec.split(",") if part.strip())
    return parsed


def conda_ranges():
    """What environment.yml names, its part for pip included."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    by_pip = [r for part in listed if isinstance(part, dict) for r in part["pip"]]
    return ranges([part for part in listed if isinstance(part, str)] + by_pip)


def test_same_packages_and_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = ranges(
        project["build-system"]["requires"]
        + project["project"]["dependencies"]
        + [
            r
            for extra in ("examples", "lab", "test")
            for r in project["project"]["optional-dependencies"][extra]
        ]
    )
    conda = conda_ranges()
    assert {name: conda.get(name) for name in wanted} == wanted
    assert conda.keys() - wanted.keys() == CONDA_ONLY


def test_python_range_is_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    conda = conda_ranges()
    assert conda["python"] == {project["project"]["requires-python"]}


def test_makefile_installs_the_declared_build_tools():
    makefile = (ROOT / "Makefile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for requirement in project["build-system"]["requires"]:
        assert f'"{requirement}"' in makefile
