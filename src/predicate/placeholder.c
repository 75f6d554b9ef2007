typedef int ktki_predicate_placeholder; /* until the first file of this layer lands */
