typedef int ktki_update_placeholder; /* until the first file of this layer lands */
