typedef int ktki_arrow_placeholder; /* until the first file of this layer lands */
