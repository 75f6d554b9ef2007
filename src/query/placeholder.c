typedef int ktki_query_placeholder; /* until the first file of this layer lands */
