typedef int ktki_parquet_placeholder; /* until the first file of this layer lands */
