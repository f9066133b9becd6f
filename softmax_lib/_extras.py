"""Packages that only some modules need."""

from __future__ import annotations

from importlib import import_module


def require(extra: str, purpose: str, *packages: str) -> None:
    """Import packages, or say what to install."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise ImportError(
                f"{purpose} needs {package.partition('.')[0]}, which does not work here ({error}); "
                f"install it, or the extra: pip install '.[{extra}]' in softmax_lib's repository"
            ) from error
