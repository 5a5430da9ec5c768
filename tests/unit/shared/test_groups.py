"""A group's name holds what it was made of."""

from hypothesis import given
from hypothesis import strategies as st

from facegap.groups import group_name, group_values

WORDS = st.sampled_from(["White × Asian", "a: b", " × ", "all", "side: x × role: y"]) | st.text(
    st.characters(exclude_characters="\N{NO-BREAK SPACE}"), max_size=12
)


@given(st.dictionaries(st.sampled_from(["gender", "race", "control"]), WORDS, max_size=3))
def test_whatever_words_a_value_has_it_is_read_again(values: dict[str, str]) -> None:
    assert group_values(group_name(values)) == values
