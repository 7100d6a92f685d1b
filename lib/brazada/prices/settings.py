"""Settings of the price jobs. File layouts and units are data here, so that a new one is an entry in `conf`."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from brazada.section import Section

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
OnConflict = Literal["keep_first", "keep_last", "quarantine"]

# What a date may be made of, in the letters of Spark and Java.
DATE_PARTS = {
    "yyyy": r"(\d{4})",
    "MM": r"(\d{2})",
    "M": r"(\d{1,2})",
    "dd": r"(\d{2})",
    "d": r"(\d{1,2})",
    "HH": r"\d{2}",
    "H": r"\d{1,2}",
    "mm": r"\d{2}",
    "ss": r"\d{2}",
}
DATE_TOKENS = re.compile("|".join(DATE_PARTS))


def _date_format(text: str) -> str:
    if sorted(token[0] for token in DATE_TOKENS.findall(text) if token[0] in "yMd") != ["M", "d", "y"]:
        raise ValueError("year, month and day once each, as in yyyy-MM-dd, d/M/yyyy or dd-MM-yyyy H:mm:ss")
    return text


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


DateFormat = Annotated[str, AfterValidator(_date_format)]


def _pattern(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of classes of signs that are sets within sets to others than Python
            groups = re.compile(text).groups
    except (re.error, FutureWarning) as error:
        raise ValueError(f"a regular expression ({error})") from error
    if groups > 1:
        raise ValueError("a regular expression with at most one group, the number")
    return text


class Layout(Section):
    """One form in which a source publishes its prices.

    `header` names the columns that a file must have to be of this layout; the other columns named here are among them.
    Upper case, accents and order do not matter. Numbers and dates are read by these rules or refused; their digits may
    be of any script. A byte order mark tells the encoding before `encoding` does.
    """

    header: tuple[str, ...] = Field(min_length=1)
    separator: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["UTF-8", "ISO-8859-1"] = "UTF-8"
    date_format: Annotated[tuple[DateFormat, ...], BeforeValidator(_one_or_more), Field(min_length=1)] = Field(
        description="as yyyy-MM-dd; several where no date can be of two"
    )
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    prefix: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        default=(), description="what may stand before a number, as Rs; one or more"
    )
    date: str | None = Field(default=None, description="column; null where the date stands in the file's name")
    product: str
    unit: str | None = Field(default=None, description="column; null where every_unit says it")
    every_unit: str | None = Field(default=None, description="unit of all prices, where no column says it")
    price_min: str
    price_max: str
    price_mean: str
    variety: str | None = None
    quality: str | None = None
    category: str | None = None
    market: tuple[str, ...] = Field(default=(), description="columns that make up the market's name")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        optional = (self.date, self.unit, self.variety, self.quality, self.category)
        named = {self.product, self.price_min, self.price_max, self.price_mean, *self.market, *optional} - {None}
        if missing := named - set(self.header):
            raise ValueError(f"columns that stand in its header (not there: {', '.join(sorted(map(str, missing)))})")
        if (self.unit is None) == (self.every_unit is None):
            raise ValueError("either unit, a column, or every_unit, the unit of all prices")
        if self.decimal == self.thousands:
            raise ValueError("two different signs for decimals and thousands")
        shapes = [
            DATE_TOKENS.sub(lambda token: token[0][0] if token[0] == "yyyy" else "n", f) for f in self.date_format
        ]
        if len({*shapes}) < len(shapes):
            raise ValueError("date formats that differ in more than the order of day and month")
        return self

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What may stand before a number, the longest first."""
        return tuple(sorted(filter(None, self.prefix), key=len, reverse=True))

    def date_patterns(self) -> Iterator[tuple[str, str]]:
        """Per form a regular expression, with groups for year, month and day, and the order of these as in `yMd`."""
        for form in self.date_format:
            pieces = re.split(f"({DATE_TOKENS.pattern})", form)
            yield (
                "".join(DATE_PARTS.get(piece, re.escape(piece)) for piece in pieces),
                "".join(piece[0] for piece in pieces if piece in DATE_PARTS and piece[0] in "yMd"),
            )

    @property
    def name_date(self) -> str:
        """A regular expression for a date within a file's name."""
        return rf"(?<!\d)(?:{'|'.join(pattern for pattern, _ in self.date_patterns())})(?!\d)"

    def date_in_name(self, name: str) -> str | None:
        """The date in a file's name as it stands there; None unless there is one and no more."""
        found = [match[0] for match in re.finditer(self.name_date, name, re.ASCII)]
        return found[0] if len(found) == 1 else None


class UnitRule(Section):
    """Units that match `pattern` whole (case aside) hold `factor` base units, times the number in its group if any."""

    pattern: Annotated[str, AfterValidator(_pattern)]
    base: Literal["kg", "l", "piece"]
    factor: PositiveFloat = 1.0

    @property
    def whole(self) -> str:
        """The regular expression that a unit matches from its first sign to its last."""
        return f"(?iu)^(?:{self.pattern})$"

    @property
    def has_number(self) -> bool:
        """Whether the unit itself says how many: then the pattern's group holds it."""
        return re.compile(self.pattern).groups == 1


class Source(Section):
    """A publisher of prices: its layouts, its calendar, and how its series are cut into windows."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]  # of its prices, as in ISO 4217
    calendar: Literal["daily", "weekly"]  # steps of its series
    on_conflict: OnConflict = Field(
        default="quarantine",
        description="where files have different prices for one key: the first or the last one stands, or, for"
        " quarantine, the first one, and the others are refused",
    )
    fill_limit: NonNegativeInt = Field(description="steps that a missing price is filled forward")
    window: PositiveInt = Field(description="steps a model looks back")
    horizon: PositiveInt = Field(description="steps a model looks ahead")
    season: PositiveInt = Field(default=1, description="steps of a season, for the seasonal naive forecast; 1 for none")
    epochs: PositiveInt = Field(default=12, description="of the global network, at most")
    min_observed_share: float = Field(ge=0, le=1, description="of the calendar's steps, for a series to have windows")
    frozen_limit: PositiveInt | None = Field(
        default=None, description="equal prices on end; a longer run is a feed that is stuck; null: none is"
    )
    train_until: dt.date | None = None  # last date to learn from; both null: 70 / 15 / 15 % of the calendar
    validate_until: dt.date | None = None  # last date to choose by; what comes after is the test
    units: tuple[UnitRule, ...] = Field(default=(), description="of this source alone, before those of all sources")
    layouts: dict[Name, Layout] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.train_until and self.validate_until and self.train_until >= self.validate_until:
            raise ValueError("train_until before validate_until")
        if (self.train_until is None) != (self.validate_until is None):
            raise ValueError("both train_until and validate_until, or neither")
        return self


class LocalModels(Section):
    """The published recipe: two recurrent layers, additive attention, one network for each series."""

    units: tuple[PositiveInt, PositiveInt] = (128, 64)  # of the two layers
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of inputs left out in training")
    recurrent_dropout: float = Field(default=0.15, ge=0, lt=1, description="the same, of a layer's own state")
    l2: NonNegativeFloat = 1e-4  # penalty on weights
    learning_rate: PositiveFloat = 1e-3  # of Adam
    epochs: PositiveInt = 30  # at most
    batch: PositiveInt = 64  # windows of a step
    patience: PositiveInt = 6  # epochs without gain before it stops


class GlobalModel(Section):
    """The network over all series of a source: an ensemble of `members` trained side by side."""

    members: PositiveInt = 3  # networks whose mean forecasts
    units: PositiveInt = 32  # of each direction of the BiLSTM
    dense: PositiveInt = 64  # units of the layer behind it
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of inputs left out in training")
    learning_rate: PositiveFloat = 5e-4  # of Adam
    clipnorm: PositiveFloat = 1.0  # norm to which gradients are cut
    batch: PositiveInt = 256  # windows of a step
    patience: PositiveInt = 5  # epochs without gain before it stops


class Networks(Section):
    """The two kinds of networks."""

    local_models: LocalModels = LocalModels()
    global_model: GlobalModel = GlobalModel()


class Trees(Section):
    """Pooled LightGBM: one model per horizon and quantile over all series."""

    rounds: PositiveInt = 60  # trees of a model
    learning_rate: PositiveFloat = 0.03  # share of each tree
    leaves: PositiveInt = 15  # of a tree
    rows_per_leaf: PositiveInt = 100  # at least
    feature_share: float = Field(default=0.5, gt=0, le=1, description="of the features, for a tree")
    row_share: float = Field(default=0.7, gt=0, le=1, description="of the windows, for a tree")
    l2: NonNegativeFloat = 5.0  # penalty on a leaf's value


class Judging(Section):
    """How models are compared and chosen."""

    refit_every: PositiveInt = Field(default=8, description="origins between fits of Theta and AutoETS")
    bootstrap: PositiveInt = Field(default=1000, description="draws over series")
    prior_origins: NonNegativeFloat = Field(default=20.0, description="weight of all series' ratio against one's")
    min_gain: NonNegativeFloat = Field(default=0.01, description="expected gain on Naive below which Naive stays")
    bounds_trust: float = Field(default=0.5, ge=0, le=1, description="in the spread on validation")
    live_weeks: PositiveInt = Field(default=8, description="last weeks of forecasts that are held against what came")
    live_origins: PositiveInt = Field(default=4, description="origins below which they stop no model")


class Prices(Section):
    """Sources, their layouts and calendars, units, and the models."""

    sources: dict[Name, Source] = Field(default_factory=dict)
    units: tuple[UnitRule, ...] = ()
    mean_tolerance: NonNegativeFloat = Field(default=0.005, description="of rounding, for a mean outside its bounds")
    first_date: dt.date = dt.date(1990, 1, 1)
    last_date: dt.date = dt.date(2060, 12, 31)  # a date after it is a misprint
    far_days: PositiveInt = Field(default=366, description="from all other dates of a source, for one to be suspect")
    far_rows: NonNegativeInt = Field(default=5, description="that may be so far off; more are believed, 0: all are")
    shards: PositiveInt = 8
    networks: Networks = Networks()
    trees: Trees = Trees()
    judging: Judging = Judging()

    @model_validator(mode="after")
    def _first_before_last(self) -> Self:
        if self.first_date > self.last_date:
            raise ValueError("first_date no later than last_date")
        return self
