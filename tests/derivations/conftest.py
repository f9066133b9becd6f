import pytest
from of_the_book import stored

from softmax_lib.derivations import rebuild


@pytest.fixture(scope="session")
def derivations():
    """The derivations of the book, each proved again once, by its id."""
    return rebuild(list(stored().values()))
