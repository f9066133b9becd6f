import pytest
from building import ROOT, build


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of a freshly built site."""
    target = tmp_path_factory.mktemp("site")
    outcome = build(ROOT, target)
    assert outcome.returncode == 0, outcome.stderr[-5000:]
    return target / "_build" / "html"
