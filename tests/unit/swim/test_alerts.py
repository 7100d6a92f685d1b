"""A tag is silent when its drill goes on without it; each silence is told once, however the samples come."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brazada.swim.alerts import silences

SILENT_S = 10.0
NOTHING = pd.DataFrame({name: [] for name in ("tag", "millis", "x_m", "y_m", "z_m", "told")})


def samples(**seconds):
    """Samples of tags at these seconds; the position says which sample it is."""
    rows = [(tag, round(1000 * s), s, 2.0, 0.2) for tag, times in seconds.items() for s in times]
    return pd.DataFrame(rows, columns=["tag", "millis", "x_m", "y_m", "z_m"])


def told(*parts, last=NOTHING):
    """(tag, second of the last sample, silent_s) as the parts of a drill come one after the other."""
    found = []
    for part in parts:
        silent, last = silences(part, last, SILENT_S)
        assert len(last) == last["tag"].nunique()
        assert last["millis"].dtype == "int64"  # as the stream's state is declared
        found += [(row.tag, row.millis / 1000, row.silent_s) for row in silent.itertuples()]
    return sorted(found)


def test_a_gap_inside_a_drill_is_told_once_where_it_began():
    assert told(samples(a=[0, 1, 2, 14, 15])) == [("a", 2, 12)]
    assert told(samples(a=[0, 1, 2]), samples(a=[14, 15]), samples(a=[16])) == [("a", 2, 12)]


def test_a_gap_as_long_as_the_threshold_is_none():
    assert told(samples(a=[0, 10, 20.001])) == [("a", 10, 10.001)]


def test_a_tag_that_stops_while_others_go_on_is_told():
    assert told(samples(a=[0, 1, 2], b=[0, 5, 10, 15])) == [("a", 2, 13)]


def test_tags_whose_drill_ends_with_them_are_not_told():
    assert told(samples(a=[0, 1, 2], b=[0, 5, 9])) == []
    assert told(samples(a=[0])) == []


def test_a_silence_that_is_told_is_not_told_again_but_the_next_one_is():
    parts = samples(a=[0, 1], b=[0, 9]), samples(b=[12]), samples(b=[20, 28]), samples(a=[30], b=[32, 41])
    assert told(*parts) == [("a", 1, 11), ("a", 30, 11)]


def test_what_was_told_is_known_after_a_restart():
    first, state = silences(samples(a=[0, 1], b=[0, 9, 12]), NOTHING, SILENT_S)
    assert list(first["tag"]) == ["a"]
    kept = pd.DataFrame({name: state[name].tolist() for name in state})
    assert told(samples(b=[15, 22]), last=kept) == []


def test_the_alert_has_the_position_last_seen():
    (row,) = silences(samples(a=[0, 3], b=[15]), NOTHING, SILENT_S)[0].itertuples()
    assert (row.x_m, row.y_m, row.z_m) == (3, 2.0, 0.2)


def test_a_sample_that_comes_after_newer_ones_of_its_tag_is_no_silence():
    assert told(samples(a=range(0, 41, 5)), samples(a=[12, 13])) == []
    assert told(samples(a=[0, 5, 10, 15], b=[0]), samples(a=[2]), samples(a=[20])) == [("b", 0, 15)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 120)), min_size=1, unique=True),
    st.sets(st.integers(0, 120)),
)
def test_each_silence_is_told_once_wherever_the_log_is_cut(sampled, cuts):
    log = pd.DataFrame(sampled, columns=["tag", "second"]).sort_values("second")
    part = log["second"].map(lambda second: sum(cut <= second for cut in cuts))
    parts = [samples(**{tag: list(of) for tag, of in rows.groupby("tag")["second"]}) for _, rows in log.groupby(part)]
    keys = [(tag, second) for tag, second, _ in told(*parts)]
    assert keys == [
        (tag, second)
        for tag, of in log.groupby("tag")["second"]
        for second, until in zip(of, [*of.iloc[1:], log["second"].max()], strict=True)
        if until - second > SILENT_S
    ]


@pytest.mark.parametrize("tag", ["a", "b"])
def test_one_sample_alone_is_kept_as_the_last(tag):
    silent, last = silences(samples(**{tag: [4]}), NOTHING, SILENT_S)
    assert silent.empty
    assert last[["tag", "millis", "told"]].to_numpy().tolist() == [[tag, 4000, False]]
