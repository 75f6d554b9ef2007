"""Writing on many workers, committed by one."""
import hashlib

from kartothek import _core
from kartothek.core.dataset import DatasetMetadata, open_snapshot
from kartothek.core.utils import core_store, ensure_store
from kartothek.core.uuid import gen_uuid
from kartothek.io_components.metapartition import MetaPartition
from kartothek.io_components.utils import lazy_address, normalize_arg
from kartothek.io_components.write import Settings, check_labels, commit_partitions, raise_if_dataset_exists, write_part


class PartsWriter:
    """
    A write in parts: plain data, sent to every worker.

    ``write`` makes files that nobody sees, on any worker; ``commit`` takes what the calls returned and makes it visible in one step. A part that is
    written again, because a worker was lost or asked twice, leaves files behind that nothing names. A commit that is run again is made once: its id is
    made of what it commits.

    Parameters
    ----------
    mode: str
        "create", "overwrite", "update" or "create_or_update".
    settings
        Those of :class:`kartothek.io_components.write.Settings`; they are checked at once.
    """

    def __init__(self, store, dataset_uuid, factory=None, mode="create_or_update", table=None, **settings):
        if factory is None and dataset_uuid is None and mode in ("create", "overwrite"):
            dataset_uuid = gen_uuid()
        self.dataset_uuid, self.store = lazy_address(dataset_uuid, store, factory)
        _core.uuid_check(self.dataset_uuid)
        self.mode = mode
        self.table = table
        self.settings = settings
        Settings(mode, **settings)
        if mode == "create":
            raise_if_dataset_exists(self.dataset_uuid, self.store())

    def write(self, element):
        """Write one element (see :func:`kartothek.io_components.write.inputs_of`); a MetaPartition for :meth:`commit`."""
        settings = {name: value for name, value in self.settings.items() if name not in ("metadata", "metadata_merger", "delete_mode")}
        return write_part(self._of_table(element), self.store, self.dataset_uuid, None, mode=self._mode_of_parts(), **settings)

    def write_all(self, elements):
        """A list of MetaPartitions for some elements, which are taken one by one."""
        return [self.write(element) for element in elements]

    def commit(self, parts, delete_scope=None):
        """Commit what :meth:`write` returned, and delete what the scope says. The committed state."""
        settings = {name: value for name, value in self.settings.items() if name not in ("df_serializer", "sort_partitions_by")}
        parts = list(_flat(parts))
        check_labels(part for part in parts if part is not None)
        commit_id = _id_of(parts)
        try:
            return commit_partitions(
                parts,
                self.store,
                self.dataset_uuid,
                None,
                mode=self.mode,
                delete_scope=delete_scope,
                commit_id=commit_id,
                **settings,
            )
        except Exception:
            store = ensure_store(self.store)
            if commit_id is None or not self._is_committed(store, commit_id):
                raise
            return DatasetMetadata.load_from_store(self.dataset_uuid, store)

    def _is_committed(self, store, commit_id):
        try:
            return _core.commit_status(core_store(store), self.dataset_uuid, commit_id) == "committed"
        except KeyError:
            return False

    def _mode_of_parts(self):
        # A part of a dataset that is made must not mind that the commit of another run has come.
        return "overwrite" if self.mode == "create" else self.mode

    @property
    def partition_on(self):
        """The columns that go into the path: those asked for, else those of the dataset as it is."""
        asked = normalize_arg("partition_on", self.settings.get("partition_on"))
        if asked or self.mode in ("create", "overwrite") or not _core.dataset_exists(core_store(self.store), self.dataset_uuid):
            return asked
        return open_snapshot(core_store(self.store), self.dataset_uuid).partition_keys

    def _of_table(self, element):
        if self.table is None:
            return element
        return [{self.table: frame} for frame in element] if isinstance(element, list) else {self.table: element}


def _flat(parts):
    if parts is None or isinstance(parts, MetaPartition):
        yield parts
    else:
        for part in parts:
            yield from _flat(part)


def _id_of(parts):
    """A commit id made of what is committed: the names of its files are unique. None where there are none."""
    descriptions = sorted(part.description for part in parts if part is not None and not part.is_sentinel)
    if not descriptions:
        return None
    return hashlib.sha256(b"\0".join(descriptions)).hexdigest()[:32]
