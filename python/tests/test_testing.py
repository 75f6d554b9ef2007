"""What programs import for their own tests."""
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.core.testing import TIME_TO_FREEZE, TIME_TO_FREEZE_ISO, TIME_TO_FREEZE_ISO_QUOTED, cm_frozen_time, get_dataframe_alltypes, get_dataframe_not_nested
from kartothek.core.urlencode import quote
from kartothek.io.eager import read_table, store_dataframes_as_dataset
from kartothek.serialization import testing


@pytest.mark.parametrize("frame", [get_dataframe_not_nested(), testing.get_dataframe_not_nested(5), testing.get_dataframe_not_nested(20)])
def test_frames_are_stored(store_url, frame):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=[frame])
    back = read_table("d", store_url, dates_as_object=True)
    for column in frame:
        assert [None if value != value else value for value in back[column]] == list(frame[column]), column


def test_frames():
    frame = get_dataframe_alltypes()
    assert set(frame) >= set(get_dataframe_not_nested()) | {"array_int8", "array_unicode"}
    assert list(frame) == sorted(frame)
    assert len(testing.get_dataframe_not_nested(0)) == 0
    many = testing.get_dataframe_not_nested(50)
    assert many["bytes"].nunique() == 50 and many["bytes"].tolist()[:9] == testing.BINARY_COLUMNS
    assert (many["bool"].sum(), many["int8"].tolist()) == (25, list(range(50)))


def test_the_clock_stands_still():
    with cm_frozen_time(TIME_TO_FREEZE):
        assert DatasetMetadata("u").metadata["creation_time"] == TIME_TO_FREEZE_ISO
        assert ExplicitSecondaryIndex("a", {1: ["l"]}).creation_time == TIME_TO_FREEZE
    assert quote(TIME_TO_FREEZE_ISO) == TIME_TO_FREEZE_ISO_QUOTED
    assert DatasetMetadata("u").metadata["creation_time"] > "2020"


def test_strategies():
    hypothesis = pytest.importorskip("hypothesis", reason="the strategies are for hypothesis")
    from kartothek.core.testing import get_numpy_array_strategy, get_scalar_dtype_strategy

    with pytest.raises(ValueError, match="^Strategy no unknown"):
        get_scalar_dtype_strategy("no")
    kinds = set()

    @hypothesis.settings(max_examples=50, deadline=None, database=None)
    @hypothesis.given(get_numpy_array_strategy(shape=3, exclude_dtypes=["unicode", "datetime"], unique=True, sort=True, allow_nan=False))
    def draw(array):
        assert len(array) == 3 == len(set(array.tolist())) and sorted(array.tolist()) == array.tolist()
        kinds.add(array.dtype.kind)

    draw()
    assert not kinds & {"U", "M"}
