"""Portable notebooks: they read well without Sphinx, and run alone where softmax_lib is not."""

import ast
import contextlib
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest
from browsing import Visit, served
from building import ROOT, SITE_URL, ids_on
from guards import verdicts
from packaging.utils import canonicalize_name

from softmax_lib.claims import RECORD_TYPE

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
GLUED = "application/papermill.record/text/plain"
# Short ones always run alone; PORTABLE=all takes the others too, which is for once a week.
SHORT = {"intro", "questions-numbers"}
EACH_ALONE = [
    pytest.param(
        path.stem,
        marks=pytest.mark.skipif(
            path.stem not in SHORT and os.environ.get("PORTABLE") != "all",
            reason="takes minutes with all others: PORTABLE=all",
        ),
    )
    for path in CHAPTERS
]

chapter_by_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def portable(site, name):
    return nbformat.read(site / "notebooks" / f"{name}.ipynb", as_version=4)


def shown(notebook):
    """Yield all the text that a notebook shows."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            yield from (
                text for kind, text in output.get("data", {}).items() if kind != "image/png"
            )


# A role, an option, a directive, a target: what only MyST understands.
MYST = re.compile(r"\{[\w:-]+\}`|^:[\w-]+:|^\s*(?:`{3,}|:{3,})\{|^\([\w-]+\)=$", re.MULTILINE)


def myst_in(text):
    return MYST.findall(re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


@pytest.mark.parametrize(
    "text", ["see {doc}`masks`", ":label: sum-one", "```{prf:theorem} A", "(chapter-masks)="]
)
def test_myst_is_recognised(text):
    assert myst_in(text)


@chapter_by_chapter
def test_nothing_of_sphinx_is_left(site, chapter):
    notebook = portable(site, chapter.stem)
    nbformat.validate(notebook)
    assert [found for text in shown(notebook) for found in myst_in(text)] == []


@chapter_by_chapter
def test_every_link_leads_somewhere_on_the_site(site, chapter):
    notebook = portable(site, chapter.stem)
    text = "\n".join(shown(notebook))
    links = re.findall(rf'{re.escape(SITE_URL)}([^\s)"#]*)#?([^\s)"]*)', text)
    assert links
    for page, anchor in links:
        assert (site / page).is_file(), page
        assert not anchor or anchor in ids_on(site / page), f"{page}#{anchor}"
    inside = set(re.findall(r'href="#([^"]+)"', text))
    assert inside <= set(re.findall(r'\bid="([^"]+)"', text))


@chapter_by_chapter
def test_every_output_is_kept(site, chapter):
    kept = {cell.id: cell for cell in portable(site, chapter.stem).cells}
    for cell in nbformat.read(chapter, as_version=4).cells:
        outputs = [o for o in cell.get("outputs", []) if GLUED not in o.get("data", {})]
        if outputs:
            kinds = [kinds_of(output) for output in kept[cell.id].outputs]
            assert kinds == [kinds_of(output) - {RECORD_TYPE} for output in outputs]


def kinds_of(output):
    return set(output.get("data", {"text": ""}))


@chapter_by_chapter
def test_every_statement_comes_with_its_verdicts(site, claims, chapter):
    text = "\n".join(shown(portable(site, chapter.stem)))
    page = f"book/{chapter.stem}.html"
    for claim in claims:
        if claim["page"] == f"{page}#{claim['id']}":
            box = text.partition(f"({SITE_URL}{page}#{claim['id']}): ")[2].partition("\n\n")[0]
            for side in ("reals", "floats"):
                if claim[side] != "–":
                    assert f"[**{claim[side]}" in box


@chapter_by_chapter
def test_the_first_cell_is_short_and_does_nothing_where_all_is_there(
    site, chapter, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(subprocess, "run")
    setup = portable(site, chapter.stem).cells[0].source
    assert len(setup.splitlines()) <= 14
    run_cell(setup)
    assert list(tmp_path.iterdir()) == []


def run_cell(source):
    """Run a cell as a notebook does, in which `await` may stand outside of functions."""
    code = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, {})
    if outcome is not None:
        # It ends at once; an event loop may be running here already, that of the browser's tests.
        with pytest.raises(StopIteration):
            outcome.send(None)


@chapter_by_chapter
def test_what_the_chapter_reads_is_written_as_it_is(site, chapter, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code = [
        cell.source
        for cell in nbformat.read(chapter, as_version=4).cells
        if cell.cell_type == "code"
    ]
    named = re.findall(r'"([\w/-]+\.(?:txt|json|mplstyle))"', "\n".join(code))
    for cell in portable(site, chapter.stem).cells:
        if "files" in cell.metadata.get("tags", []):
            run_cell(cell.source)
    assert all((tmp_path / name).is_file() for name in named)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.read_text() == (ROOT / "book" / path.relative_to(tmp_path)).read_text()


@pytest.fixture
def without_the_library(tmp_path):
    """A Python that has this environment's packages, all but softmax_lib."""
    python = tmp_path / "venv" / "bin" / "python"
    venv.create(tmp_path / "venv")  # it finds our pip
    ours, its = (
        subprocess.check_output(
            [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
        for interpreter in (sys.executable, python)
    )
    # The library is installed in place, by a file that only its own environment reads.
    Path(its, "ours.pth").write_text(ours, encoding="utf-8")
    return python


@pytest.mark.parametrize("name", EACH_ALONE)
def test_it_runs_alone_in_an_empty_folder(site, without_the_library, tmp_path, name):
    here = tmp_path / "alone" / f"{name}.ipynb"
    here.parent.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    find = "import importlib.util; assert importlib.util.find_spec('softmax_lib') is None"
    subprocess.run([without_the_library, "-c", find], check=True, env=environment, cwd=here.parent)
    with served(site) as address:
        text = (site / "notebooks" / here.name).read_text(encoding="utf-8")
        here.write_text(text.replace(SITE_URL, f"{address}/"), encoding="utf-8")
        execute = ["-m", "nbconvert", "--to=notebook", "--execute", "--inplace", here]
        outcome = subprocess.run(
            [without_the_library, *execute],
            cwd=here.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    ran = nbformat.read(here, as_version=4)
    assert verdicts(ran) == verdicts(nbformat.read(ROOT / "book" / here.name, as_version=4))


def test_binder_finds_what_all_of_them_need(site):
    folder = site / "notebooks"
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    address = lines[0].partition(" @ ")[2]
    assert (site / address.removeprefix(SITE_URL)).is_file()
    named = {line.partition("==")[0] for line in lines[1:]}
    packages_with = packages_distributions()
    for chapter in CHAPTERS:
        setup = portable(site, chapter.stem).cells[0].source
        (needed,) = re.findall(r"^needed = \{\"softmax_lib\": library(.*)\}$", setup, re.MULTILINE)
        packages = json.loads(f"{{{needed.removeprefix(', ')}}}")
        assert {canonicalize_name(package) for package in packages.values()} <= named
        for module, package in packages.items():
            (having,) = packages_with[module]
            assert canonicalize_name(having) == canonicalize_name(package)
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    assert (folder / "runtime.txt").read_text(encoding="utf-8").strip() == python


@pytest.fixture(scope="module")
def lab_script():
    path = ROOT / "book" / "_lab" / "open.py"
    spec = importlib.util.spec_from_file_location("open_lab", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lab_leaves_alone_what_was_changed_there(lab_script, tmp_path):
    notebooks = tmp_path / "html" / "notebooks"
    notebooks.mkdir(parents=True)
    for name in ("ours", "theirs"):
        (notebooks / f"{name}.ipynb").write_text("first", encoding="utf-8")
    lab = lab_script.copies(tmp_path / "html")
    later = time.time() + 10
    (lab / "theirs.ipynb").write_text("changed", encoding="utf-8")
    os.utime(lab / "theirs.ipynb", (later, later))
    for name in ("ours", "theirs"):
        (notebooks / f"{name}.ipynb").write_text("second", encoding="utf-8")
    lab_script.copies(tmp_path / "html")
    assert (lab / "ours.ipynb").read_text(encoding="utf-8") == "second"
    assert (lab / "theirs.ipynb").read_text(encoding="utf-8") == "changed"
    assert (lab / "data" / "pytorch.json").is_file()


def test_lab_has_what_is_installed_but_jupyterlites_kernel(lab_script, monkeypatch, tmp_path):
    installed = tmp_path / "installed"
    for name in ("@jupyterlite/kernel", "jupyterlab-myst", "another"):
        (installed / name).mkdir(parents=True)
    monkeypatch.setattr(lab_script, "INSTALLED", installed)
    first, *_ = lab_script.extensions(tmp_path / "used", lab_script.ASIDE)
    assert {path.name for path in Path(first).iterdir()} == {"jupyterlab-myst", "another"}


@pytest.fixture(scope="module")
def lab_folder(site, tmp_path_factory):
    """The folder of a site, for `make lab` to copy notebooks from."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(site / "notebooks", folder / "html" / "notebooks")
    return folder


@pytest.fixture(scope="module")
def lab(lab_folder, chromium):
    """Visit JupyterLab as `make lab` starts it."""
    with jupyterlab(lab_folder / "html", lab_folder) as address, Visit(chromium, address) as visit:
        yield visit


@pytest.fixture
def lab_of_sources(lab_script, chromium, tmp_path):
    """Visit JupyterLab as `make lab SOURCES=1` starts it."""
    if not (lab_script.INSTALLED / "jupyterlab-myst").is_dir():
        pytest.skip("jupyterlab-myst is not installed")
    with jupyterlab(ROOT / "book", tmp_path) as address, Visit(chromium, address) as visit:
        yield visit


@contextlib.contextmanager
def jupyterlab(what, folder):
    """Start JupyterLab by our script; it keeps what it writes down for itself in a folder."""
    settings = folder / "settings" / "@jupyterlab"
    for name, setting in (
        # All cells are there at once, not only those in sight.
        ("notebook-extension/tracker", {"windowingMode": "none"}),
        ("apputils-extension/notification", {"fetchNews": "false"}),
    ):
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=token"]
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
    }
    log = folder / "log"
    with log.open("w") as out:
        command = [sys.executable, ROOT / "book" / "_lab" / "open.py", what, *options]
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api?token=token", process, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(address, process, log):
    for _ in range(300):
        try:
            urllib.request.urlopen(address).close()
        except urllib.error.URLError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        else:
            return
    pytest.fail(log.read_text())


def open_in(lab, name):
    """Open a notebook there, and wait until all of it is shown; return the page."""
    page = lab.open(f"doc/tree/{name}.ipynb?token=token&reset").page
    page.locator(".jp-Notebook h1").first.wait_for()
    page.wait_for_function(
        "() => !document.querySelector('.jp-MarkdownOutput:empty, .jp-Cell-placeholder')"
    )
    return page


# One with sliders, one with boxes, drawers and figures, one with solutions and sources.
@pytest.mark.parametrize("name", ["intro", "formula", "filters", "questions-sampling"])
def test_in_jupyterlab_it_shows_all_and_nothing_raw(lab, name):
    page = open_in(lab, name)
    text = page.locator(".jp-Notebook").inner_text()
    rendered = page.locator(".jp-MarkdownOutput").all_inner_texts()
    assert not any(map(myst_in, rendered))
    assert "<details>" not in text
    assert blank_outputs(page) == []
    assert lab.complaints == []
    assert lab.outside == []


def blank_outputs(page):
    """Return what stands beside outputs that show nothing."""
    return page.evaluate(
        """[...document.querySelectorAll(".jp-OutputArea-output")]
             .filter(output => output.checkVisibility())
             .filter(output => !output.innerText.trim() && !output.querySelector("img, svg")
                 && ![...output.querySelectorAll("*")].some(e => e.shadowRoot?.children.length))
             .map(output => output.closest(".jp-Cell").innerText)"""
    )


def test_in_jupyterlab_the_sliders_move_at_once(lab):
    slider = open_in(lab, "intro").locator("softmax-playground").get_by_role("slider").first
    slider.focus()
    before = slider.input_value()
    slider.press("ArrowRight")
    assert slider.input_value() != before


def test_where_no_script_runs_a_sentence_says_what_to_do(lab, lab_folder):
    notebook = portable(lab_folder / "html", "intro")
    notebook.cells[1].source += "\n\nFrom elsewhere."
    nbformat.write(notebook, lab_folder / "lab" / "elsewhere.ipynb")
    page = open_in(lab, "elsewhere")
    assert page.locator("softmax-playground").count() == 0
    assert page.get_by_text("It shows when this cell is run").is_visible()
    assert blank_outputs(page) == []


def test_in_jupyterlab_the_sources_show_statements_as_boxes(lab_of_sources):
    page = open_in(lab_of_sources, "formula")
    page.locator(".jp-Notebook .myst-proof", has_text="Theorem").first.wait_for()
    raw = page.locator(".jp-MarkdownOutput").all_inner_texts()
    assert not any("prf:" in text for text in raw)
