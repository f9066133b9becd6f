import json
import os
import shutil

import pytest
from building import build_once
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of a freshly built site, one for all workers of a run."""
    own = tmp_path_factory.getbasetemp()
    return build_once((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "site")


@pytest.fixture(scope="session")
def claims(site):
    return json.loads((site / "claims.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def chromium():
    """The machine's browser; without one these tests are skipped, except in CI."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        advice = "no Chromium on this machine (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(advice)
    with sync_playwright() as playwright:
        # The book needs nobody else's server: no other host can be resolved.
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield browser
        browser.close()
