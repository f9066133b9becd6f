"""Chapters in the browser: the site has all that they need, and they run to the end there."""

import filecmp
import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from browsing import NARROW, Visit, served
from building import ROOT, add_lite, build, copied
from guards import verdicts
from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_VERSION

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
# What Pyodide has of the modules that the chapters import.
IN_PYODIDE = {"IPython", "matplotlib", "ml_dtypes", "mpmath", "numpy", "scipy", "sympy"}
LOADING, RUNNING = 180_000, 1_200_000  # milliseconds; the longest chapter takes minutes

chapter_by_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def runnable(tmp_path_factory):
    """The folder of a site made elsewhere, as by `make lite`."""
    copy = copied(tmp_path_factory.mktemp("lite"))
    outcome = build(copy, copy, LITE="1", REPOSITORY_URL="https://github.com/someone/softmax/")
    assert outcome.returncode == 0, outcome.stderr[-5000:]
    outcome = add_lite(copy / "_build" / "html")
    assert outcome.returncode == 0, outcome.stderr[-5000:]
    return copy / "_build" / "html"


@pytest.fixture(scope="module")
def address(runnable):
    with served(runnable) as address:
        yield address


BUTTONS = re.compile(r"header-article-items__end.*?(?=onlyprint|bd-search-container)", re.DOTALL)


def differences(one, other):
    names = [{p.relative_to(top) for p in top.rglob("*") if p.is_file()} for top in (one, other)]
    _, differing, unreadable = filecmp.cmpfiles(one, other, names[0] & names[1], shallow=False)
    return [*names[0] ^ names[1], *differing, *unreadable]


def without_buttons(path):
    return BUTTONS.sub("", path.read_text(encoding="utf-8"))


def test_but_for_its_buttons_a_site_built_elsewhere_is_byte_for_byte_the_same(runnable, site):
    differing = {name for name in differences(site, runnable) if name.parts[0] != "lite"}
    # It has the digest of all settings, those of the buttons among them.
    differing.remove(Path(".buildinfo"))
    assert {name.suffix for name in differing} == {".html"}
    assert all(without_buttons(site / n) == without_buttons(runnable / n) for n in differing)


def address_of(button: str, page: Path) -> str | None:
    found = re.search(rf'<a href="([^"]*)"[^>]*btn-{button}-button', page.read_text("utf-8"))
    return found and found[1]


@chapter_by_chapter
def test_the_button_leads_to_the_chapter(runnable, chapter):
    page = runnable / "book" / f"{chapter.stem}.html"
    view, _, name = address_of("launch", page).partition("?path=")
    assert name == chapter.name
    assert (page.parent / view).is_file()
    assert (runnable / "lite" / "files" / name).is_file()


@chapter_by_chapter
def test_the_portable_notebook_can_be_downloaded(runnable, chapter):
    page = runnable / "book" / f"{chapter.stem}.html"
    target = page.parent / address_of("download-source", page)
    assert target.resolve() == runnable / "notebooks" / chapter.name
    assert target.is_file()


def test_others_open_the_branch_with_the_notebooks(runnable, site):
    page = Path("book", "masks.html")
    assert address_of("launch-colab", runnable / page) == (
        "https://colab.research.google.com/github/someone/softmax/blob/notebooks/masks.ipynb"
    )
    assert address_of("launch-binder", runnable / page) == (
        "https://mybinder.org/v2/gh/someone/softmax/notebooks?urlpath=lab/tree/masks.ipynb"
    )
    # Without the repository's address there is nothing that they could open.
    assert address_of("launch-colab", site / page) is None


def test_all_these_buttons_fit_a_phone(chromium, address):
    with Visit(chromium, address, "book/masks.html") as visit:
        visit.page.set_viewport_size({"width": NARROW, "height": 900})
        assert visit.page.locator(".dropdown-launch-buttons").is_visible()
        assert visit.overflow() == 0


def test_a_page_leads_to_its_source_and_to_issues(runnable, site):
    page = Path("book", "masks.html")
    repository = "https://github.com/someone/softmax"
    edit = address_of("source-edit", runnable / page)
    assert edit == f"{repository}/edit/main/book/masks.ipynb"
    assert address_of("source-issues", runnable / page).startswith(f"{repository}/issues/new")
    assert address_of("source-edit", site / page) is None


def test_without_it_the_button_leads_to_how_to_run(site):
    targets = {address_of("launch", site / "book" / f"{chapter.stem}.html") for chapter in CHAPTERS}
    assert targets == {"run.html"}
    assert (site / "book" / "run.html").is_file()


@chapter_by_chapter
def test_the_copy_is_the_portable_notebook_for_another_kernel(runnable, chapter):
    copy, original = (
        nbformat.read(runnable / folder / chapter.name, as_version=4)
        for folder in ("lite/files", "notebooks")
    )
    assert copy.metadata.pop("kernelspec").name == "python"
    assert original.metadata.pop("kernelspec").name == "python3"
    assert copy == original


def test_all_that_the_chapters_install_is_there(runnable):
    wanted = set()
    for chapter in CHAPTERS:
        setup = nbformat.read(runnable / "notebooks" / chapter.name, as_version=4).cells[0].source
        (needed,) = re.findall(r"^needed = (.*)$", setup, re.MULTILINE)
        wanted |= set(re.findall(r'"(\w+)": ', needed))
    in_wheels = {
        name.partition("/")[0]
        for wheel in (runnable / "lite" / "pypi").glob("*.whl")
        for name in zipfile.ZipFile(wheel).namelist()
    }
    assert {"softmax_lib", "numpy", "dask"} <= wanted
    assert wanted <= IN_PYODIDE | in_wheels


def test_every_wheel_is_listed_with_its_hash(runnable):
    folder = runnable / "lite" / "pypi"
    index = json.loads((folder / "all.json").read_text(encoding="utf-8"))
    listed = {
        file["filename"]: file["digests"]["sha256"]
        for project in index.values()
        for release in project["releases"].values()
        for file in release
    }
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.whl")}
    assert {"softmax_lib", "comm"} <= {name.partition("-")[0] for name in found}
    assert listed == found


@pytest.fixture
def bare_site(runnable, tmp_path):
    """A site with no more than JupyterLite takes from it."""
    for name in ("notebooks", "wheels"):
        shutil.copytree(runnable / name, tmp_path / "site" / name)
    return tmp_path / "site"


def test_it_has_no_other_extension_of_jupyterlab_than_its_kernel(runnable):
    folder = runnable / "lite" / "extensions"
    found = [path.parent.relative_to(folder).as_posix() for path in folder.rglob("install.json")]
    assert found == ["@jupyterlite/pyodide-kernel-extension"]


def test_the_listing_names_every_chapter_in_an_order_of_its_own(runnable):
    path = runnable / "lite" / "api" / "contents" / "all.json"
    names = [entry["name"] for entry in json.loads(path.read_text(encoding="utf-8"))["content"]]
    assert {chapter.name for chapter in CHAPTERS} <= set(names)
    assert names == sorted(names)


@pytest.fixture
def distribution(tmp_path):
    """A folder that is a distribution of Pyodide by its looks, with one package in it."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    wheel = folder / "any.whl"
    wheel.write_bytes(b"wheel")
    entry = {"file_name": wheel.name, "sha256": hashlib.sha256(b"wheel").hexdigest(), "depends": []}
    names = ["click", "cloudpickle", "fsspec", "ipython", "jedi", "matplotlib", "micropip"]
    names += ["ml-dtypes", "numpy", "packaging", "pyyaml", "scipy", "sympy", "toolz"]
    lock = {"packages": dict.fromkeys(names, entry)}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (folder / "package.json").write_text(json.dumps({"version": PYODIDE_VERSION}), encoding="utf-8")
    for name in ("pyodide.mjs", "python_stdlib.zip"):
        (folder / name).touch()
    return folder


FAULTS = {
    "it has no pyodide-lock.json": ("pyodide-lock.json", None),
    "its version is 0.1.0": ("package.json", '{"version": "0.1.0"}'),
    "it has no any.whl": ("any.whl", None),
    "any.whl is not the file that was locked": ("any.whl", "other"),
}


@pytest.mark.parametrize("complaint", FAULTS)
def test_a_folder_that_is_no_distribution_is_refused(distribution, monkeypatch, complaint):
    name, content = FAULTS[complaint]
    (distribution / name).unlink()
    if content:
        (distribution / name).write_text(content, encoding="utf-8")
    site = distribution.parent / "site"
    monkeypatch.setenv("PYODIDE_DIST", str(distribution))
    monkeypatch.setattr(sys, "argv", ["build.py", str(site)])
    refusal = f"is no distribution of Pyodide {PYODIDE_VERSION}: {complaint}"
    with pytest.raises(SystemExit, match=re.escape(refusal)):
        runpy.run_path(str(ROOT / "book" / "_lite" / "build.py"), run_name="__main__")
    assert not site.exists()


def test_another_build_is_the_same_but_for_a_distribution_that_is_copied_and_used(
    runnable, distribution, bare_site
):
    outcome = add_lite(bare_site, PYODIDE_DIST=str(distribution))
    assert outcome.returncode == 0, outcome.stderr[-5000:]
    lite = bare_site / "lite"
    copied = lite / "static" / "pyodide"
    assert differences(distribution, copied) == []
    shutil.rmtree(copied)
    assert differences(runnable / "lite", lite) == [Path("jupyter-lite.json")]
    settings = json.loads((lite / "jupyter-lite.json").read_text(encoding="utf-8"))
    plugins = settings["jupyter-config-data"]["litePluginSettings"]
    kernel = plugins["@jupyterlite/pyodide-kernel-extension:kernel"]
    assert kernel["pyodideUrl"] == "./static/pyodide/pyodide.mjs"
    assert kernel["disablePyPIFallback"] is True


NOTEBOOK = "jupyterapp.shell.currentWidget"


def open_chapter(visit, chapter):
    visit.page.context.set_default_timeout(LOADING)
    with visit.page.expect_popup() as popup:
        visit.page.get_by_role("link", name="Run", exact=True).click()
    page = popup.value
    page.wait_for_function(f"window.jupyterapp && {NOTEBOOK}?.context?.isReady")
    assert page.evaluate(f"{NOTEBOOK}.context.path") == chapter.name
    return page


def test_the_button_opens_the_chapter_and_asks_for_nothing_but_pyodide(chromium, address):
    chapter = ROOT / "book" / "formula.ipynb"
    with Visit(chromium, address, "book/formula.html") as visit:
        page = open_chapter(visit, chapter)
        page.locator(".jp-Notebook h1", has_text="formula").wait_for()
        assert all(url.startswith(PYODIDE_CDN_URL) for url in visit.outside)


@pytest.mark.skipif(
    "PYODIDE_DIST" not in os.environ,
    reason=f"no Python for the browser here: unpack the release of Pyodide {PYODIDE_VERSION}, "
    "and name its folder: PYODIDE_DIST=<folder>",
)
@chapter_by_chapter
def test_the_chapter_runs_to_the_end_with_the_same_verdicts(chromium, address, chapter):
    with Visit(chromium, address, f"book/{chapter.stem}.html") as visit:
        page = open_chapter(visit, chapter)
        page.wait_for_function(f"{NOTEBOOK}.sessionContext.session?.kernel?.status === 'idle'")
        page.evaluate(
            f"""for (const cell of {NOTEBOOK}.content.widgets) cell.model.clearExecution?.();
                void jupyterapp.commands.execute("notebook:run-all-cells")
                               .then(() => {{ window.ran = true }});"""
        )
        page.wait_for_function("window.ran", timeout=RUNNING)
        outcome = nbformat.from_dict(page.evaluate(f"{NOTEBOOK}.content.model.toJSON()"))
        assert list(errors(outcome)) == []
        assert verdicts(outcome) == verdicts(nbformat.read(chapter, as_version=4))
        assert visit.outside == []


def errors(notebook):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield cell.source, output.ename, output.evalue
        if cell.cell_type == "code" and cell.execution_count is None:
            yield cell.source, "did not run"


SMOKE = ROOT / "tests" / "lite"


def test_the_pyodide_tried_and_told_of_is_the_one_that_the_kernel_was_made_for():
    package = json.loads((SMOKE / "package.json").read_text(encoding="utf-8"))
    assert package["devDependencies"] == {"pyodide": PYODIDE_VERSION}
    told = (ROOT / "book" / "run.md").read_text(encoding="utf-8")
    assert f"Pyodide {PYODIDE_VERSION} " in told


@pytest.mark.skipif(
    not (SMOKE / "node_modules").is_dir(), reason="no Pyodide here: npm ci --prefix tests/lite"
)
def test_in_webassembly_the_library_does_what_its_packages_allow(bare_site):
    """It needs PyPI, and tells when NumPy has come to it."""
    lock = json.loads((SMOKE / "node_modules/pyodide/pyodide-lock.json").read_text("utf-8"))
    micropip = f"micropip=={lock['packages']['micropip']['version']}"
    python = "--python-version", lock["info"]["python"].rpartition(".")[0]
    download = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", *python, micropip]
    subprocess.run(
        [sys.executable, *download, "--dest", bare_site / "wheels"], check=True, capture_output=True
    )
    outcome = subprocess.run(
        ["node", SMOKE / "smoke.mjs", bare_site / "wheels", bare_site / "notebooks"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(outcome.stdout)
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    assert "softmax_lib.proofs.prover: " in outcome.stdout or "ran to its end" in outcome.stdout
