"""Telling somebody how far a long call is."""
import sys
from contextvars import ContextVar

#: what is called: of the thread, or the task, that is in the context. The extension looks here at the beginning of each call.
variable = ContextVar("kartothek.progress", default=None)


class progress:
    """
    A context in which long calls tell how far they are: storing and updating, reading, also by iterators, building indices, checks, copies and
    garbage collection.

    It counts for the calls of its own thread or asyncio task; those of Dask's workers have Dask's own means. Contexts can be nested: the innermost one is
    told.

    Parameters
    ----------
    report: callable, optional
        Called as ``report(done, total, what)`` some times a second, and at the end of each activity: ``what`` is a text like "files read", ``total`` None
        where it is not known. What it raises ends the call and comes out of it; nothing is changed by an update that ends so. None shows a bar of tqdm,
        or a line where that is not installed, if the standard error is a terminal or the program runs in a notebook, else nothing.

    Examples
    --------
    >>> import kartothek
    >>> from kartothek.io.eager import read_table
    >>> with kartothek.progress():  # doctest: +SKIP
    ...     df = read_table("dataset", store)
    """

    def __init__(self, report=None):
        self._given = report
        self._open = []

    def __enter__(self):
        from kartothek import _core

        report = self._given if self._given is not None else _display()
        self._open.append((report, variable.set(report)))
        _core.progress_count(variable, 1)
        return self

    def __exit__(self, *_):
        from kartothek import _core

        report, token = self._open.pop()
        _core.progress_count(variable, -1)
        variable.reset(token)
        if isinstance(report, (_Bar, _Line)):
            report.close()


def each(call, items, what):
    """``call(item)`` of each of the items, one at a time; the one who is told hears of items alone, not of what goes on in one."""
    total = len(items) if hasattr(items, "__len__") else None
    for done, item in enumerate(items, 1):
        report = variable.get()
        if report is None:
            yield call(item)
            continue
        token = variable.set(None)
        try:
            result = call(item)
        finally:
            variable.reset(token)
        report(done, total, what)
        yield result


def _display():
    """What shows progress to who sits in front of it; None if there is nobody."""
    if not (_is_notebook() or (sys.stderr is not None and sys.stderr.isatty())):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line(sys.stderr)
    return _Bar(tqdm)


def _is_notebook():
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class _Bar:
    """One bar of tqdm for each activity."""

    def __init__(self, tqdm):
        self._tqdm = tqdm
        self._bar = None
        self._what = None

    def __call__(self, done, total, what):
        if self._bar is not None and (what != self._what or total != self._bar.total or done < self._bar.n):
            self.close()
        if self._bar is None:
            self._what = what
            self._bar = self._tqdm(total=total, desc=what, unit=" files" if what.startswith("files") else "")
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Line:
    """The same without tqdm: a line that is written over."""

    def __init__(self, file):
        self._file = file
        self._what = None

    def __call__(self, done, total, what):
        if self._what not in (None, what):
            self.close()
        self._what = what
        self._file.write("\r{}: {}{}".format(what, done, "" if total is None else " of {}".format(total)))
        if done == total:
            self.close()
        self._file.flush()

    def close(self):
        if self._what is not None:
            self._file.write("\n")
            self._what = None
