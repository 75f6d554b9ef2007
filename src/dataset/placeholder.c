typedef int ktki_dataset_placeholder; /* until the first file of this layer lands */
