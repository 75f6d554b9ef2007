"""Reading and writing through Dask, which distributes the work; every task is plain data and a function."""
