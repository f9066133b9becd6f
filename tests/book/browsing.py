"""How the tests serve a folder and visit its pages."""

import contextlib
import functools
import http.server
import threading

from axe_playwright_python.sync_playwright import Axe

WIDE, NARROW = 1280, 360
WINDOW = {"width": WIDE, "height": 900}
# How long a page may take on a machine that does other things at the same time.
PATIENCE = 60_000
# What axe can find in one colour scheme and not in the other.
COLOURS = ("color-contrast", "link-in-text-block")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Keep the tests' output free of it."""

    def end_headers(self):
        """Let scripts and styles be kept from page to page, and no page."""
        is_page = self.path.partition("?")[0].endswith((".html", "/"))
        self.send_header("Cache-Control", "no-store" if is_page else "max-age=3600")
        super().end_headers()


@contextlib.contextmanager
def served(folder):
    """Serve a folder on loopback, and give its address."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Visit:
    """Pages, one at a time, and what the open one has asked for and complained about."""

    def __init__(self, browser, address, page=None, scheme="light"):
        self.address, self.scheme = address, scheme
        self.loaded: list[str] = []
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(
            color_scheme=scheme,
            # A colour on its way to another one has the contrast of neither.
            reduced_motion="reduce",
            viewport=WINDOW,
        )
        self.context.set_default_timeout(PATIENCE)
        self.context.on("request", lambda request: self._note(request.url, address))
        self.context.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.context.on("response", self._note_failure)
        self.context.on("console", self._note_error)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()
        if page is not None:
            self.open(page)

    def open(self, page):
        """Open a page in the place of the one before, as wide and as light as at first."""
        self.page.goto("about:blank")
        self.page.set_viewport_size(WINDOW)
        self.page.emulate_media(color_scheme=self.scheme, media="null")
        for noted in (self.loaded, self.outside, self.complaints):
            noted.clear()
        self.page.goto(f"{self.address}/{page}", wait_until="load")
        return self

    def _note(self, url, address):
        if url.startswith(address):
            self.loaded.append(url)
        elif not url.startswith(("data:", "blob:")):
            self.outside.append(url)

    def _note_failure(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _note_error(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def typeset(self):
        """Wait until MathJax is done; return how many formulas there are and how many came out."""
        self.page.evaluate("window.MathJax ? MathJax.startup.promise : null")
        return self.page.evaluate(
            """[document.querySelectorAll(".math").length,
                document.querySelectorAll(".math mjx-container:not(:has(mjx-merror))").length]"""
        )

    def violations(self, *rules):
        """Yield what axe finds, by all of its rules or by some: a rule, and the nodes."""
        only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
        options = {"resultTypes": ["violations"], **only}
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        run = "(options) => axe.run(options).then((results) => results.violations)"
        for violation in self.page.evaluate(run, options):
            yield violation["id"], [node["html"] for node in violation["nodes"]]

    def overflow(self):
        """Return by how much the page is wider than the window."""
        return self.page.evaluate(
            "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
