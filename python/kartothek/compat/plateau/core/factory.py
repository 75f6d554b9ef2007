"""A dataset by its name, read when something of it is asked for."""
from kartothek.compat.plateau.core.dataset import DatasetMetadata, DatasetMetadataBase
from kartothek.core import factory as _ours


class DatasetFactory(_ours.DatasetFactory, DatasetMetadataBase):
    """:class:`kartothek.core.factory.DatasetFactory` of a dataset that has one table."""

    @property
    def dataset_metadata(self):
        """The :class:`kartothek.compat.plateau.core.dataset.DatasetMetadata`. KeyError if there is no such dataset."""
        dataset = super().dataset_metadata
        if not isinstance(dataset, DatasetMetadata):
            dataset = self._cache_metadata = DatasetMetadata._of(dataset)
        return dataset

    @property  # type: ignore[misc]
    def table_name(self):
        """The name of the table."""
        return self.dataset_metadata.table_name


__all__ = ("DatasetFactory",)
