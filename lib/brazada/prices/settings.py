"""Settings of the price jobs. File layouts and units are data here, so that a new one is an entry in `conf`."""

from __future__ import annotations

from brazada.section import Section


class Prices(Section):
    """Sources, their layouts and calendars, and the models."""
