"""How the tests serve a folder and visit its pages."""

import contextlib
import functools
import http.server
import threading

WIDE, NARROW = 1280, 360
# How long a page may take on a machine that does other things at the same time.
PATIENCE = 60_000


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Keep the tests' output free of it."""


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
    """A page that is opened, and what it asked for and complained about meanwhile."""

    def __init__(self, browser, address, page, scheme="light"):
        self.context = browser.new_context(
            color_scheme=scheme,
            # A colour on its way to another one has the contrast of neither.
            reduced_motion="reduce",
            viewport={"width": WIDE, "height": 900},
        )
        self.context.set_default_timeout(PATIENCE)
        self.loaded, self.outside, self.complaints = [], [], []
        self.context.on("request", lambda request: self._note(request.url, address))
        self.context.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.context.on("response", self._note_failure)
        self.context.on("console", self._note_error)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()
        self.page.goto(f"{address}/{page}", wait_until="load")

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

    def overflow(self):
        """Return by how much the page is wider than the window."""
        return self.page.evaluate(
            "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
