"""Build folder: follows libraries that come or go, edited sources, and a damaged log by itself."""

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "refresh_build.py"
MESON = """
project('p', 'c')
cc = meson.get_compiler('c')
found = cc.find_library('aetherfoo', has_headers: 'aetherfoo.h', required: false)
if found.found()
  executable('extra', 'extra.c', dependencies: found)
endif
"""


@pytest.fixture
def tool(monkeypatch):
    spec = spec_from_file_location("refresh_build", TOOL)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "refresh_build", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project that was configured before its optional library was there."""
    monkeypatch.setenv("CPATH", str(tmp_path))
    monkeypatch.setenv("LIBRARY_PATH", str(tmp_path))
    (tmp_path / "meson.build").write_text(MESON)
    (tmp_path / "extra.c").write_text("int aetherfoo(void); int main(void) { return aetherfoo(); }")
    meson = Path(sys.executable).parent / "meson"
    words = [str(meson), "setup", str(tmp_path / "build"), str(tmp_path)]
    subprocess.run(words, check=True, capture_output=True)
    return tmp_path


def install(folder):
    (folder / "aetherfoo.h").write_text("int aetherfoo(void);")
    (folder / "foo.c").write_text("int aetherfoo(void) { return 0; }")
    words = ["cc", "-shared", "-o", str(folder / "libaetherfoo.so"), str(folder / "foo.c")]
    subprocess.run(words, check=True)


def status(folder):
    env = os.environ | {"LD_LIBRARY_PATH": str(folder)}
    return subprocess.run([str(folder / "build" / "extra")], env=env, check=False).returncode


def test_a_library_installed_after_the_build_is_built_in(tool, project):
    part = tool.Part("aetherfoo", "aetherfoo.h", "aetherfoo", "extra")
    build = project / "build"
    assert tool.refresh(build, (part,)) == []
    assert not part.built(build)
    install(project)
    assert tool.refresh(build, (part,)) == [part]
    assert part.built(build)
    assert (build / "extra").exists()
    assert tool.refresh(build, (part,)) == []
    (project / "aetherfoo.h").unlink()
    assert tool.refresh(build, (part,)) == [part]
    assert not part.built(build)


def test_an_edited_source_is_built(tool, project):
    build = project / "build"
    install(project)
    part = tool.Part("aetherfoo", "aetherfoo.h", "aetherfoo", "extra")
    tool.refresh(build, (part,))
    assert status(project) == 0
    (project / "extra.c").write_text("int main(void) { return 3; }")
    assert tool.refresh(build, (part,)) == []
    assert status(project) == 3


def test_a_damaged_log_of_dependencies_is_made_anew(tool, project):
    """Every import built the same modules again, and other processes read half of one."""
    build = project / "build"
    install(project)
    part = tool.Part("aetherfoo", "aetherfoo.h", "aetherfoo", "extra")
    tool.refresh(build, (part,))
    log = build / ".ninja_deps"
    log.write_bytes(log.read_bytes()[:-7] + b"\xff" * 64)
    tool.refresh(build, (part,))
    ninja = [str(Path(sys.executable).parent / "ninja"), "-C", str(build), "-n"]
    said = subprocess.run(ninja, capture_output=True, text=True, check=True).stdout
    assert "no work to do" in said


def test_it_builds_below_a_make_of_several_jobs(tool, project, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", " -j2 --jobserver-auth=198,199")
    install(project)
    part = tool.Part("aetherfoo", "aetherfoo.h", "aetherfoo", "extra")
    assert tool.refresh(project / "build", (part,)) == [part]
    assert status(project) == 0


def test_without_a_build_there_is_nothing_to_do(tool, tmp_path):
    assert tool.refresh(tmp_path) == []


def test_the_parts_named_are_those_of_the_build(tool):
    """Each is asked for in a meson.build, by the same names, and its target is made there."""
    sources = [path.read_text() for path in (TOOL.parents[1] / "cython_core").rglob("meson.build")]
    optional = [text for text in sources if "required: false" in text]
    assert len(optional) == len(tool.PARTS)
    for part, text in zip(tool.PARTS, optional, strict=True):
        for name in (f"'{part.library}'", part.header, part.symbol):
            assert name in text
        assert f"'{Path(part.target).name.partition('.')[0]}'" in text


def test_every_target_of_make_that_runs_the_package_builds_them_in_first():
    makefile = (TOOL.parents[1] / "Makefile").read_text()
    for target in (
        "report",
        "test",
        "test-slow",
        "soak",
        "test-rdma",
        "bench-rdma",
        "sweep-rdma",
        "lab",
    ):
        (needs,) = [line for line in makefile.splitlines() if line.startswith(f"{target}: ")]
        assert "parts" in needs.split(), target
