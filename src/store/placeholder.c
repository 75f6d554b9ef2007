typedef int ktki_store_placeholder; /* until the first file of this layer lands */
