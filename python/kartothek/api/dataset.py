"""All of the datasets. What is for pandas, pyarrow or Dask needs it when it is called, and says so where it is not installed."""
from kartothek.core import *  # noqa: F401, F403
from kartothek.io.dask.bag import *  # noqa: F401, F403
from kartothek.io.dask.dataframe import *  # noqa: F401, F403
from kartothek.io.dask.delayed import *  # noqa: F401, F403
from kartothek.io.eager import *  # noqa: F401, F403
from kartothek.io.iter import *  # noqa: F401, F403
