"""What a log says, and what the published method makes of it, in plain Python and pandas: written from the rules."""

import math
import re
from dataclasses import dataclass

import pandas as pd

KEY = ["tag", "drill", "millis"]
PLACE = ["x_m", "y_m", "z_m"]
FILTERED = ["dx_m", "dt_s", "speed_m_s", "accel_m_s2"]
TIMES = range(1_000_080_000_000, 4_133_980_800_000)  # 2001-09-10 to the end of 2100
FARTHEST_M = 100
_HEX = rb"[0-9A-Fa-f]{18}(?:[0-9A-Fa-f]{6})?"
_ID = rb'(?:ObjectI[dD]\(%s\)|ObjectI[dD]\("%s"\)|"ObjectI[dD]\(""%s""\)"|%s)' % (_HEX, _HEX, _HEX, _HEX)
_BLANK = rb"[\x00-\x20\x7f]*"  # what a cast in Spark takes for blanks
_NUMBER = _BLANK + rb"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)" + _BLANK
_LISTED = rb'"\[[^]"]*\]"'
_LINE = re.compile(
    rb'%s,(\d{13}),(%s),([0-9A-Fa-f]{12}),"\[%s,%s,%s\]",%s,%s' % (_ID, _ID, *[_NUMBER] * 3, *[_LISTED] * 2)
)


@dataclass(frozen=True)
class Told:
    """What must become of files: readings in order; (file, line) of refused lines and, as a set, of conflicts."""

    rows: int
    readings: pd.DataFrame
    refused: dict[tuple[int, int], bytes]
    conflicts: set[tuple]  # tag, drill, millis and the position that was not taken

    @property
    def duplicates(self) -> int:
        return self.rows - len(self.readings) - len(self.refused) - len(self.conflicts)


def told(*contents: bytes) -> Told:
    rows, sound, refused = 0, [], {}
    for file, content in enumerate(contents):
        for number, text in enumerate(re.split(rb"\r\n|\n|\r", content), 1):
            if number == 1 or not text:
                continue
            rows += 1
            if (position := _position(text)) is None:
                refused[file, number] = text
            else:
                sound.append(position)
    sound = pd.DataFrame(sound, columns=[*KEY, *PLACE]).drop_duplicates().sort_values([*KEY, *PLACE])
    good = sound.drop_duplicates(KEY)
    return Told(rows, with_differences(good), refused, {*rows_of(sound)} - {*rows_of(good)})


def _position(text: bytes) -> tuple | None:
    if (match := _LINE.fullmatch(text)) is None:
        return None
    millis, place = int(match[1]), tuple(float(match[i]) for i in (4, 5, 6))
    if millis not in TIMES or any(abs(metres) > FARTHEST_M for metres in place):
        return None
    (drill,) = re.findall(_HEX, match[2])
    return match[3].decode().lower(), drill.decode().lower(), millis, *place


def rows_of(frame: pd.DataFrame) -> list[tuple]:
    return list(frame[[*KEY, *PLACE]].itertuples(index=False, name=None))


def with_differences(good: pd.DataFrame) -> pd.DataFrame:
    good = good.sort_values(KEY, ignore_index=True)
    drill = good.groupby(["tag", "drill"])
    return good.assign(
        dx_m=drill["x_m"].diff().abs().fillna(0.0),
        dt_s=(drill["millis"].diff() / 1000).fillna(0.0),
    )


def derived(readings: pd.DataFrame) -> pd.DataFrame:
    moving, dx, dt = readings["dt_s"] > 0, readings["dx_m"], readings["dt_s"]
    return readings.assign(speed_m_s=(dx / dt).where(moving, 0.0), accel_m_s2=(dx / (dt * dt)).where(moving, 0.0))


def within_records(readings: pd.DataFrame) -> pd.DataFrame:
    readings = derived(readings)
    return readings[(readings["speed_m_s"] <= 1.56) & (readings["accel_m_s2"] <= 0.03)]


def limits(readings: pd.DataFrame) -> pd.DataFrame:
    """Mean and population deviation of what the filter looks at, over the readings within the records."""
    kept = within_records(readings)[FILTERED]
    return pd.DataFrame({"mean": kept.mean(), "std": kept.std(ddof=0)})


def usual(kept: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """Rows within three deviations of the means in all that is looked at."""
    return kept[((kept[FILTERED] - limits["mean"]).abs() < 3 * limits["std"]).all(axis=1)]


def sessions(readings: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """Steps 3 to 6, by tag and drill."""
    drills = usual(within_records(readings), limits).groupby(["tag", "drill"])
    made = drills[["x_m", *FILTERED]].agg(["min", "max", "mean"])
    made.columns = ["_".join(name) for name in made.columns]
    made.insert(0, "readings", drills.size())
    made = made[made["x_m_min"] * made["x_m_max"] < 0]
    ratio = (1 + made["speed_m_s_mean"]) / (1 + made["accel_m_s2_mean"] * made["dt_s_mean"])
    return made.assign(classifier=ratio.map(math.log))
