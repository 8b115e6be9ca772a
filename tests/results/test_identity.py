import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltalora.errors import ConfigError
from deltalora.results import canonical_json, config_id, run_id, sha256_of_file

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RUN = {
    "config_id": "0123456789ab",
    "seed": 1,
    "data_hashes": {"train": "aa", "test": "bb"},
    "model_hash": "cc",
    "results_version": 1,
}


@pytest.mark.golden
def test_canonical_json_is_sorted_and_bare():
    # Written out by hand.
    value = {"b": [1, 2.0, 2e-4, True, None], "a": {"λ": "x y"}}
    assert canonical_json(value) == '{"a":{"λ":"x y"},"b":[1,2,0.0002,true,null]}'


@pytest.mark.golden
def test_a_config_id_is_the_head_of_the_digest_of_the_canonical_json():
    # printf '{"alpha":32,"rank":4}' | sha256sum
    assert hashlib.sha256(b'{"alpha":32,"rank":4}').hexdigest().startswith(config_id({"rank": 4, "alpha": 32.0}))
    assert len(config_id({"rank": 4})) == 12


@pytest.mark.property
@settings(max_examples=40)
@given(value=st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value):
    assert config_id(dict(reversed(value.items()))) == config_id(value)


def test_an_integer_and_the_same_whole_float_are_one_configuration_but_a_truth_value_is_not():
    assert config_id({"update_ratio": 2}) == config_id({"update_ratio": 2.0})
    assert config_id({"update_ratio": 1}) != config_id({"update_ratio": True})
    assert config_id({"update_ratio": 2}) != config_id({"update_ratio": "2"})


def test_lists_and_tuples_are_one_configuration():
    assert config_id({"stop": ["a", "b"]}) == config_id({"stop": ("a", "b")})


@pytest.mark.parametrize(
    "change",
    [
        {"config_id": "1123456789ab"},
        {"seed": 2},
        {"data_hashes": {"train": "aa", "test": "bc"}},
        {"model_hash": "cd"},
        {"results_version": 2},
    ],
)
def test_every_ingredient_changes_the_run_id(change):
    assert run_id(**(RUN | change)) != run_id(**RUN)


def test_the_same_ingredients_give_the_same_run_id():
    assert run_id(**(RUN | {"data_hashes": {"test": "bb", "train": "aa"}})) == run_id(**RUN)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"train": {"rate": float("nan")}}, r"value\.train\.rate"),
        ({"train": [1, object()]}, r"value\.train\[1\]"),
        ({1: "a"}, "keys that are strings"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(value, where):
    with pytest.raises(ConfigError, match=where):
        canonical_json(value)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256_of_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
