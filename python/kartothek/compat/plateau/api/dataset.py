"""All of the datasets; what is for Dask needs it when it is called."""
from kartothek.compat.plateau.core import *  # noqa: F401, F403
from kartothek.compat.plateau.io.dask.bag import *  # noqa: F401, F403
from kartothek.compat.plateau.io.dask.dataframe import *  # noqa: F401, F403
from kartothek.compat.plateau.io.dask.delayed import *  # noqa: F401, F403
from kartothek.compat.plateau.io.eager import *  # noqa: F401, F403
from kartothek.compat.plateau.io.iter import *  # noqa: F401, F403
