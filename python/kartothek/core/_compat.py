"""JSON out of texts and bytes."""
import json


def load_json(buf, **kwargs):
    """The value of a JSON text."""
    return json.loads(buf, **kwargs)
