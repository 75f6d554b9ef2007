"""Reads planned as plateau's back-ends plan them."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io_components import read as _ours

dispatch_metapartitions = adapted(_ours.dispatch_metapartitions, __name__, without=("keep_indices", "keep_table_meta"))
dispatch_metapartitions_from_factory = adapted(_ours.dispatch_metapartitions_from_factory, __name__, without=("store",))
