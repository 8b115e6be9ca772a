import pytest

from deltalora.config import METHODS, parse_method_config
from deltalora.errors import ConfigError
from deltalora.methods import build_method

LORA = {"name": "lora", "rank": 4, "alpha": 32.0}
DELTA = {"name": "delta_lora", "rank": 4, "alpha": 32.0, "update_ratio": 2.0, "start_step": 500}


def test_every_name_has_its_own_configuration_and_class(make_model, make_method, method_name):
    method = make_method(method_name, make_model("gpt2"))
    assert type(method.config) is METHODS[method.config.name]
    assert type(build_method(method.config)) is type(method)
    assert build_method(method.config).config == method.config


def test_every_listed_method_is_implemented_by_a_class_of_its_own():
    classes = {name: type(build_method(config.model_construct(rank=1))) for name, config in METHODS.items()}
    assert len(set(classes.values())) == len(METHODS) == 7


def test_every_field_is_described():
    for config_class in METHODS.values():
        for name, field in config_class.model_fields.items():
            assert name == "name" or field.description, (config_class.__name__, name)


def test_a_configuration_survives_json(method_name, make_model, make_method):
    config = make_method(method_name, make_model("gpt2")).config
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "loar"}, r"expected method\.name to be one of full, .*, delta_lora, found 'loar'"),
        ({}, r"found None"),
        ({**LORA, "rank": 0}, r"^method\.rank of method lora: .*greater than or equal to 1, found 0"),
        ({**LORA, "rank": "4"}, r"^method\.rank of method lora: .*integer, found '4'"),
        ({**LORA, "rank": 4.5}, r"^method\.rank"),
        ({**LORA, "alpha": float("nan")}, r"^method\.alpha"),
        ({**LORA, "dropout": 1.0}, r"^method\.dropout of method lora: .*less than 1, found 1\.0"),
        ({**LORA, "lr": 1e-3}, r"^method\.lr of method lora: Extra inputs .*\(keys: .*rank"),
        ({"name": "lora", "rank": 4}, r"^method\.alpha of method lora: Field required"),
        ({**DELTA, "update_ratio": -0.5}, r"^method\.update_ratio"),
        ({**DELTA, "start_step": -2}, r"^method\.start_step"),
        ({**DELTA, "start": "paper"}, r"^method\.start of method delta_lora: .*'algorithm' or 'text', found 'paper'"),
        (
            {
                "name": "adalora",
                "alpha": 1.0,
                "initial_rank": 4,
                "target_rank": 6,
                "initial_warmup": 0,
                "final_warmup": 0,
                "mask_interval": 1,
            },
            r"^method adalora: expected target_rank at most initial_rank \(4\), found 6: lower",
        ),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_key_and_value(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_method_config(values)
    assert "\n" not in str(caught.value)


def test_whole_numbers_are_accepted_where_a_float_is_meant():
    assert parse_method_config({**LORA, "alpha": 32}) == parse_method_config(LORA)
