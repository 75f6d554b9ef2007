"""Single files."""
import pytest

from kartothek import parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
if not hasattr(pa.Table, "__arrow_c_stream__"):
    pytest.skip("needs pyarrow 14", allow_module_level=True)

TABLE = pa.table({"id": list(range(100)), "tags": [["a", "b"]] * 100, "flag": [True] * 100})


def chunks(path):
    group = pq.ParquetFile(path).metadata.row_group(0)
    return group, {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}


def test_bloom_filters_and_order_are_written_where_asked_for(tmp_path):
    path = str(tmp_path / "x.parquet")
    parquet.write(TABLE, path, bloom=["id", "tags.list.item"], sorted_by=["id"])
    group, columns = chunks(path)
    if hasattr(columns["id"], "bloom_filter_offset"):
        found = {name: column.bloom_filter_offset is not None for name, column in columns.items()}
        assert found == {"id": True, "tags.list.item": True, "flag": False}
    if hasattr(group, "sorting_columns"):  # since pyarrow 15
        assert [(order.column_index, order.descending, order.nulls_first) for order in group.sorting_columns] == [(0, False, False)]
    assert pq.read_table(path).equals(TABLE)


def test_by_default_there_are_neither(tmp_path):
    parquet.write(TABLE, str(tmp_path / "x.parquet"))
    parquet.write(TABLE, str(tmp_path / "y.parquet"), bloom=[], sorted_by=None)
    group, _ = chunks(str(tmp_path / "x.parquet"))
    assert not hasattr(group, "sorting_columns") or group.sorting_columns == ()
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()


@pytest.mark.parametrize("choice", [{"bloom": ["none"]}, {"bloom": ["flag"]}, {"sorted_by": ["none"]}])
def test_columns_that_cannot_be_chosen_are_named(tmp_path, choice):
    (names,) = choice.values()
    with pytest.raises((ValueError, KeyError), match=names[0]):
        parquet.write(TABLE, str(tmp_path / "x.parquet"), **choice)


def test_names_must_be_texts(tmp_path):
    with pytest.raises(TypeError):
        parquet.write(TABLE, str(tmp_path / "x.parquet"), bloom=[1])


def test_rows_are_chosen_of_a_file_and_of_its_content(tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write(TABLE, str(path))
    ids = TABLE.column("id").to_pylist()
    for source in (path, path.read_bytes()):
        found = parquet.read(source, columns=["id"], filters=[[("id", ">", ids[0])]])
        assert pa.table(found).column("id").to_pylist() == [one for one in ids if one > ids[0]]
    with pytest.raises(Exception, match="parquet|PAR1|Parquet"):
        parquet.read(b"no such thing")
