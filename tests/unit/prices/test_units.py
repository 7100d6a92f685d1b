"""The vocabulary of units is data: faulty rules are refused when the settings are read."""

import pytest

from brazada.errors import SettingsError
from brazada.prices.settings import UnitRule
from brazada.settings import load


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{pattern: 'caja (', base: kg}", "regular expression"),
        ("{pattern: '(\\d+) de (\\d+) kg', base: kg}", "at most one group"),
        ("{pattern: '[[a]', base: kg}", "nested set"),
        ("{pattern: 'stone', base: stone}", "base"),
        ("{pattern: 'kg', base: kg, factor: 0}", "factor"),
    ],
)
def test_faulty_rules_are_refused(rule, words):
    with pytest.raises(SettingsError, match=words):
        load(overrides=[f"prices.units=[{rule}]"], variables={})


@pytest.mark.parametrize(("pattern", "has_number"), [(r"(\d+) kg", True), (r"kg(?: neto)?", False)])
def test_a_rule_knows_whether_the_unit_says_how_many(pattern, has_number):
    assert UnitRule(pattern=pattern, base="kg").has_number is has_number
