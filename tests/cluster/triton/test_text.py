"""Text is judged by the parser of Protocol buffers, with the messages that Triton's client library comes with."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from vultus.cluster.triton.text import Message, Word, entries, text_of

pytestmark = pytest.mark.unit


def parsed(message: Message) -> ModelConfig:
    return text_format.Parse(text_of(message), ModelConfig())


def test_scalars_words_and_messages_are_read_back() -> None:
    config = parsed({"name": "a", "max_batch_size": 3, "input": [{"name": "x", "data_type": Word("TYPE_UINT8")}]})
    assert (config.name, config.max_batch_size, config.input[0].name) == ("a", 3, "x")
    assert config.input[0].data_type == 2  # UINT8 in Triton's model_config.proto


def test_quotes_backslashes_and_other_letters_stay_what_they_are() -> None:
    name = 'a "quoted" \\ name: größer'
    assert parsed({"name": name}).name == name


def test_lists_of_numbers_and_of_messages_are_repeated_fields() -> None:
    config = parsed({"input": [{"name": "a", "dims": [1, 2]}, {"name": "b", "dims": []}]})
    assert [(each.name, list(each.dims)) for each in config.input] == [("a", [1, 2]), ("b", [])]


def test_a_map_has_an_entry_for_each_key() -> None:
    config = parsed({"parameters": entries({"a": {"string_value": "1"}, "b": {"string_value": "2"}})})
    assert {key: value.string_value for key, value in config.parameters.items()} == {"a": "1", "b": "2"}


def test_flags_are_words() -> None:
    warm_up: Message = {"name": "w", "batch_size": 1, "inputs": entries({"x": {"zero_data": True}})}
    assert parsed({"model_warmup": [warm_up]}).model_warmup[0].inputs["x"].zero_data is True
