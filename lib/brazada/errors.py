"""The one tree of exceptions. Each says what was expected, what was found and what to do."""

from __future__ import annotations


class BrazadaError(Exception):
    """Anything Brazada refuses or fails at. The command line prints it plainly and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, expected: str, *, found: str, todo: str) -> None:
        """Compose the message from its three parts; each is a clause without a full stop."""
        end = "" if todo.endswith("?") else "."
        super().__init__(f"expected {expected}; found {found}. {todo[:1].upper()}{todo[1:]}{end}")


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; it ends as by Ctrl-C."""


class SettingsError(BrazadaError):
    """A setting is unknown, missing or out of range."""

    exit_code = 2


class UsageError(BrazadaError):
    """The command was asked for something it does not offer."""

    exit_code = 2


class PackageError(BrazadaError):
    """Packages that a job needs are not installed where it runs."""


class InputError(BrazadaError):
    """Input files are missing, unreadable or of no known layout."""


class TableError(BrazadaError):
    """A table is missing, was changed by others, or does not match its declaration."""

    table: str | None = None  # the one that is missing
    warehouse: str | None = None  # its path, where it is missing


class VersionError(TableError):
    """A pinned table version, or a file of it, is no longer there."""


class TrainingError(BrazadaError):
    """Training cannot start or go on: preflight failed, a rank died or stalled, a split is empty."""


class ModelError(BrazadaError):
    """A stored model is missing or does not fit what it is loaded for."""


class DeliveryError(BrazadaError):
    """Alerts were raised and not taken by who is to have them. They are kept."""
