"""Reading and writing datasets: :mod:`.eager` at once, :mod:`.dask` later and elsewhere."""
