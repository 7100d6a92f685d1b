"""The methods that tell strokes, by name: `fit` and `score` know no more of them than this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import DataFrame, Row

from brazada.report import Job
from brazada.swim import kinematic, published
from brazada.swim.clusters import Prepared
from brazada.swim.settings import MethodName


class Method(Protocol):
    """What each of the modules `published` and `kinematic` has."""

    def drills(self, job: Job, relearn: bool = False) -> DataFrame:
        """Bring up to date what the features are made of, with `relearn` its limits learned anew from all readings.

        Every drill: tag, drill, added_in, the features, and `unfit`, why the method drops it, or null.
        """

    def prepare(self, job: Job, drills: DataFrame) -> Prepared:
        """Learn from the drills that are not dropped what is to be known of them before they are clustered."""

    def as_learned(self, job: Job, drills: DataFrame, model: Row) -> DataFrame:
        """Drills with their features as a stored model of the method, a row of swim.models, was learned from."""


METHODS: Mapping[MethodName, Method] = {"published": published, "kinematic": kinematic}
