"""What docstrings say to users."""

from runtime.described import described


class _Waits:
    """Waits (spec sections 2.1 and 3) for `x`, or (as told) not.

    Then it ends (section 9.11).
    """


def test_users_are_not_told_which_section_a_rule_comes_from():
    assert described(_Waits) == "Waits for `x`, or (as told) not.\n\nThen it ends."
