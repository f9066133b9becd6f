"""``python book/_extensions/ledger``: see `ledger.command`."""

import sys
from pathlib import Path

# Python runs a folder from inside; the package is found from where it lies.
sys.path[0] = str(Path(__file__).parents[1])

from ledger.command import main  # noqa: E402

main()
