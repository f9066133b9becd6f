"""The command that used to be here is the book's."""

import sys

sys.exit("the ledger is the book's: run `python book/_extensions/ledger` in its repository")
