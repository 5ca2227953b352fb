"""Architecture page: every package of the import contract is in its table and its figure."""

from collections import Counter

from tools.site import architecture_figure

PAGE = architecture_figure.ROOT / "docs" / "architecture.md"
# Plug-ins, one a file.
PLUG_INS = {"aethermodel/measure/probes", "aethermodel/report/figures"}
MOST_MODULES = 14


def test_every_package_has_a_line_and_a_box():
    packages = architecture_figure.contract()
    assert {"cli", "measure", "cython_core"} <= set(packages)
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    named = "".join(row.split("|")[1] for row in rows)
    assert not [name for name in packages if f"{name}/`" not in named]
    layers = architecture_figure.rows(packages)
    boxes = [name for row in layers for box in row for name in box.packages]
    assert sorted(boxes) == sorted(packages)
    assert architecture_figure.FIGURE.read_text("utf-8") == architecture_figure.drawn(layers), (
        "python -m tools.site.architecture_figure draws it again"
    )


def test_a_package_without_a_place_stands_above_what_it_imports(monkeypatch):
    known = [row for row in architecture_figure.ROWS if all("laws" not in b.packages for b in row)]
    monkeypatch.setattr(architecture_figure, "ROWS", tuple(known))
    layers = architecture_figure.rows(architecture_figure.contract())
    names = [[name for box in row for name in box.packages] for row in layers]
    at = names.index(["laws"])
    assert names[at - 1 : at + 2] == [["advice"], ["laws"], ["calibrate", "published"]]
    assert layers[at][0].caption


def test_no_folder_of_sources_holds_more_modules_than_one_takes_in():
    """A .pyx with its .pxd and .pyi is one module."""
    root = architecture_figure.ROOT
    sources = [
        path.relative_to(root)
        for package in ("aethermodel", "cython_core")
        for path in (root / package).rglob("*")
        if path.suffix in {".py", ".pyx", ".c", ".typed"} and path.stem != "__init__"
    ]
    held = Counter(folder.as_posix() for folder, _ in {(p.parent, p.stem) for p in sources})
    assert held["aethermodel"] > 5
    crowded = {name: n for name, n in held.items() if n > MOST_MODULES}
    assert crowded.keys() <= PLUG_INS
