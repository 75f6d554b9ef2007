typedef int ktki_codec_placeholder; /* until the first file of this layer lands */
