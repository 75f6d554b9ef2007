"""Reading and writing through Dask."""
