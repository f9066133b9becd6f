"""Citations: what a fact about people's habits rests on, since nothing could prove it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """A source and what it says. The site does not build with a key that has no entry."""

    key: str
    """The source's key in the bibliography."""
    says: str
    """What the source says, in our words, as a sentence without its full stop."""

    def __str__(self) -> str:
        return f"{self.says} {{cite:p}}`{self.key}`"
