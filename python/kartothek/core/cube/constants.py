"""How cubes are stored: names of their datasets and of what stands in their metadata."""
from kartothek.serialization import ParquetSerializer

__all__ = (
    "KTK_CUBE_DF_SERIALIZER",
    "KTK_CUBE_METADATA_DIMENSION_COLUMNS",
    "KTK_CUBE_METADATA_KEY_IS_SEED",
    "KTK_CUBE_METADATA_STORAGE_FORMAT",
    "KTK_CUBE_METADATA_VERSION",
    "KTK_CUBE_UUID_SEPERATOR",
)

#: writes the files of cubes, unless told otherwise
KTK_CUBE_DF_SERIALIZER = ParquetSerializer(compression="ZSTD")

#: of the documents of cubes
KTK_CUBE_METADATA_STORAGE_FORMAT = "json"
KTK_CUBE_METADATA_VERSION = 4

#: in the metadata of each dataset: whether it is the seed, and how the cube is made
KTK_CUBE_METADATA_KEY_IS_SEED = "ktk_cube_is_seed"
KTK_CUBE_METADATA_DIMENSION_COLUMNS = "ktk_cube_dimension_columns"
KTK_CUBE_METADATA_PARTITION_COLUMNS = "ktk_cube_partition_columns"
KTK_CUBE_METADATA_SUPPRESS_INDEX_ON = "ktk_cube_suppress_index_on"

#: between the name of the cube and that of the dataset
KTK_CUBE_UUID_SEPERATOR = "++"
