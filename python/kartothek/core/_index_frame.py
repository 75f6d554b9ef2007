"""Indices of a dataset as one frame."""
import pandas as pd

from kartothek.serialization import check_predicates, columns_in_predicates


def frame_of_indices(dataset, columns, date_as_object, predicates):
    """See :meth:`kartothek.core.dataset.DatasetMetadataBase.get_indices_as_dataframe`."""
    check_predicates(predicates)
    known = dataset.index_columns
    columns = sorted(known) if columns is None else list(columns)
    unknown = sorted(set(columns) - known)
    if unknown:
        raise ValueError("Unknown index columns: {}".format(", ".join(unknown)))
    conjunctions = [None] if predicates is None else [[conjunction] for conjunction in predicates]
    wanted = columns + sorted((columns_in_predicates(predicates) & known) - set(columns))
    indices = dataset._loaded_indices(wanted)
    frames = []
    for conjunction in conjunctions:
        asked = columns_in_predicates(conjunction)
        here = [column for column in wanted if column in columns or column in asked]
        frames.append(_joined([indices[column] for column in here], dataset.partitions, date_as_object, conjunction))
    if predicates is None:
        return frames[0]
    return _without_duplicates(pd.concat([frame[columns] for frame in frames]))


def _joined(indices, partitions, date_as_object, predicates):
    """An inner join over the labels. Small indices come first, as the columns of the result do in kartothek."""
    if not indices:
        return pd.DataFrame(index=pd.Index(list(partitions), dtype=object))
    series = [index.as_flat_series(partitions_as_index=True, date_as_object=date_as_object, predicates=predicates) for index in indices]
    series.sort(key=len)
    frame = series[0].to_frame()
    for other in series[1:]:
        frame = frame.join(other.to_frame(), how="inner")
    return frame


def _without_duplicates(frame):
    """Of rows with equal label and values the first."""
    return frame[~frame.reset_index().duplicated().to_numpy()]
