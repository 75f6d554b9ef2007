"""Data frames to and from Arrow: :mod:`.to_arrow` and :mod:`.from_arrow`. Neither needs pyarrow."""
