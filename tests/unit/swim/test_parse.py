"""Lines read many at a time say what they say one by one, and files read in blocks hold each line once."""

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brazada.settings import load
from brazada.swim import packs, parse

SWIM = load(variables={}).swim
SOUND = 'ObjectId(%024x),%d,ObjectId(5e2a%020x),b827eb%06x,"[%s,%s,0.2]","[0,0,0]","[0,0,0]"'


def sound(number):
    chance = random.Random(number)
    x, y = (round(chance.gauss(0, 4), 8) for _ in "xy")
    return (SOUND % (number, 1_580_000_000_000 + 40 * number, number % 3, number % 2, x, y)).encode()


def other(number):
    """Lines that are sound and written in another way, or are not sound."""
    line = sound(number)
    ways = [
        line.replace(b"ObjectId(", b"").replace(b")", b""),
        line.replace(b'"[0,0,0]"', b'"[1,2,3]"'),
        line.replace(b'"[', b'"[ ', 1),
        line.replace(b'"[', b'"[+', 1).replace(b"+-", b"-"),
        line.replace(b"0.2]", b"-0.0]"),
        line[:-1],
        line + line,
        line.replace(b"0.2]", b"nan]"),
        line.replace(b'"[', b'"[inf,', 1),
        line.replace(b",0.2", b",200"),
        line.replace(b"0.2]", b'0.2"]'),
        line.replace(b"b827", b"g827"),
        line.replace(b"ObjectId", b"ObjektId"),
        line.replace(b",15", b",99", 1),
        b',"[0,0,0]","[0,0,0]"',
        b"\xff\xfe" + line,
        b" ",
    ]
    return ways[number % len(ways)]


def told(parts):
    """By place in the text what is said of each line."""
    found = {}
    for part in parts:
        for place, row, tag, drill in zip(part.places, part.rows, part.tag, part.drill, strict=True):
            found[int(place)] = (part.tags[tag], part.drills[drill], *map(repr, row.tolist()))
        found |= dict(part.refused)
    return found


@pytest.mark.parametrize("way", [sound, lambda number: other(17 * number)], ids=["ObjectId", "bare ids"])
def test_a_log_as_published_is_read_as_a_whole(way):
    (part,) = parse.read(b"".join(way(number) + b"\n" for number in range(3000)), SWIM)
    assert list(part.places) == list(range(3000))
    assert not part.refused


def test_of_a_log_with_a_bad_line_most_is_read_as_a_whole():
    lines = [sound(number) for number in range(3000)]
    lines[1234] = lines[1234][:-1]
    parts = list(parse.read(b"\n".join(lines) + b"\n", SWIM))
    assert len(parts) < 10
    assert [refused[0] for part in parts for refused in part.refused] == [1234]
    assert sorted(told(parts)) == list(range(3000))


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), min_size=1, max_size=40), st.integers(1, 12))
def test_lines_read_together_say_what_each_says(chosen, one_by_one):
    lines = [(sound if well else other)(number) for well, number in chosen]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "_ONE_BY_ONE", one_by_one)
        together = told(parse.read(b"\n".join(lines) + b"\n", SWIM))
    alone = {place: told(parse.read(line + b"\n", SWIM))[0] for place, line in enumerate(lines)}
    slowly = told([parse._one_by_one([line + b"\n" for line in lines], SWIM, 0)])
    assert together == alone == slowly


def test_empty_lines_are_none():
    lines = [sound(number) for number in range(3000)]
    spread = b"\n\n".join(lines) + b"\n\n\n"
    assert told(parse.read(spread, SWIM)) == told(parse.read(b"\n".join(lines) + b"\n", SWIM))
    assert told(parse.read(b"\n\n", SWIM)) == {}


def test_no_zero_is_negative():
    (part,) = parse.read(sound(1).replace(b"0.2]", b"-0.0]") + b"\n", SWIM)
    assert not np.signbit(part.rows["z_m"]).any()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=25), st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])), max_size=30),
    st.binary(max_size=3),
    st.integers(1, 60),
    st.integers(1, 40),
)
def test_blocks_hold_every_line_once(tmp_path_factory, lines, last, block, piece):
    content = b"x" + b"".join(text + end for text, end in lines) + last
    path = tmp_path_factory.getbasetemp() / "blocks"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "PIECE", block)
        patch.setattr(packs, "_TEXT", piece)
        texts = [text for at in range(0, len(content), block) for text in packs._texts(str(path), at)]
    assert b"".join(of_piece for _, of_piece in texts) == content
    found = b"".join(lines for lines, _ in texts)
    wanted = [line for line in re.split(rb"\r\n|\n|\r", content) if line]
    assert [line for line in found.split(b"\n") if line] == wanted
