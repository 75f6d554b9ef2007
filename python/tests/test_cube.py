"""What a cube is made of, and the converters of what users say."""
import pickle

import pytest

from kartothek.core.cube import KTK_CUBE_DF_SERIALIZER
from kartothek.core.cube.cube import Cube
from kartothek.utils.converters import converter_str, converter_str_set, converter_str_set_optional, converter_str_tupleset, converter_tuple


def cube_of(**kwargs):
    return Cube(**dict({"dimension_columns": ["x", "y"], "partition_columns": "p", "uuid_prefix": "cube"}, **kwargs))


def test_parts():
    cube = cube_of(index_columns=["i", "j", "i"], suppress_index_on="y", dimension_columns=[b"x", "y"])
    assert (cube.dimension_columns, cube.partition_columns, cube.uuid_prefix, cube.seed_dataset) == (("x", "y"), ("p",), "cube", "seed")
    assert (cube.index_columns, cube.suppress_index_on) == (frozenset("ij"), frozenset("y"))
    assert cube.ktk_index_columns == {"p", "i", "j", "x"}
    assert cube.ktk_dataset_uuid("seed") == "cube++seed"
    assert KTK_CUBE_DF_SERIALIZER.compression == "ZSTD"


def test_a_cube_is_a_value():
    cube = cube_of()
    assert cube == cube_of() != cube_of(seed_dataset="s") and hash(cube) == hash(cube_of())
    assert pickle.loads(pickle.dumps(cube)) == cube
    assert cube.copy(index_columns=["i"]) == cube_of(index_columns={"i"})
    assert cube_of(dimension_columns=["y", "x"]) != cube
    with pytest.raises(AttributeError):
        cube.seed_dataset = "s"
    with pytest.raises(TypeError):
        cube.copy(no=1)


@pytest.mark.parametrize(
    "parts, text",
    [
        ({"dimension_columns": []}, "dimension_columns must not be empty"),
        ({"partition_columns": None}, "partition_columns must not be empty"),
        ({"partition_columns": ["z", "y", "x"]}, "partition_columns cannot share columns with dimension_columns, but share the following: x, y"),
        ({"index_columns": ["x"]}, "index_columns cannot share columns with dimension_columns, but share the following: x"),
        ({"index_columns": ["p"]}, "index_columns cannot share columns with partition_columns, but share the following: p"),
        ({"suppress_index_on": ["b", "a", "x"]}, "suppress_index_on must be a subset of dimension_columns, but it has additional values: a, b"),
        ({"uuid_prefix": "cu be"}, 'uuid_prefix ("cu be") is not compatible with kartothek'),
        ({"uuid_prefix": "cu++be"}, 'uuid_prefix ("cu++be") must not contain UUID separator ++'),
        ({"seed_dataset": ""}, 'seed_dataset ("") is not compatible with kartothek'),
        ({"seed_dataset": "++"}, 'seed_dataset ("++") must not contain UUID separator ++'),
        ({"dimension_columns": ["x", "x"]}, "Tuple-set contains duplicates: x, x"),
    ],
)
def test_what_is_no_cube(parts, text):
    with pytest.raises(ValueError) as caught:
        cube_of(**parts)
    assert str(caught.value) == text
    with pytest.raises(ValueError):
        cube_of().copy(**parts)


def test_names_of_datasets():
    for name, text in (("f ", 'ktk_cube_dataset_id ("f ") is not compatible with kartothek'), ("a++b", 'ktk_cube_dataset_id ("a++b") must not contain UUID separator ++')):
        with pytest.raises(ValueError) as caught:
            cube_of().ktk_dataset_uuid(name)
        assert str(caught.value) == text
    with pytest.raises(TypeError, match="^Object of type int is not a string: 1$"):
        cube_of().ktk_dataset_uuid(1)


def test_converters():
    assert [converter_str(value) for value in ("a", "ä".encode())] == ["a", "ä"]
    assert [converter_tuple(value) for value in (None, "ab", b"ab", 1, [1, 2], {3})] == [(), ("ab",), (b"ab",), (1,), (1, 2), (3,)]
    assert [converter_str_set(value) for value in (None, "ab", ["a", b"a"])] == [frozenset(), frozenset(["ab"]), frozenset("a")]
    assert [converter_str_set_optional(value) for value in (None, [])] == [None, frozenset()]
    assert converter_str_tupleset(("b", b"a")) == ("b", "a")
    with pytest.raises(TypeError, match="^{'a'} which has type set has an unstable iteration order$"):
        converter_str_tupleset({"a"})
