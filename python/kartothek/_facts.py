"""What people want to see first of an object: lines of text, or a table where there is HTML."""
from kartothek._lazy import LazyModule

html = LazyModule("html")


def as_text(title, facts):
    """``title``, and below it a line for each (name, text), cut to the width of a screen."""
    return "\n".join([title] + ["  {:<11} {}".format(name, shortened(text)) for name, text in facts])


def as_html(title, facts):
    """A table of the same, uncut."""
    rows = ["<tr><th>{}</th><td>{}</td></tr>".format(html.escape(name), html.escape(text)) for name, text in facts]
    return "<table><caption>{}</caption>{}</table>".format(html.escape(title), "".join(rows))


def counted(partitions, partition_keys):
    """``1,000 by day``"""
    return "{:,}".format(partitions) + (" by " + ", ".join(partition_keys) if partition_keys else "")


def typed(columns):
    """``name: type, …`` of a dict."""
    return ", ".join("{}: {}".format(*column) for column in columns.items())


def shortened(text, width=100):
    """A text of at most ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
