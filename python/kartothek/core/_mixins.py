"""What value objects share."""
from kartothek._lazy import LazyModule

copy = LazyModule("copy")
inspect = LazyModule("inspect")


class CopyMixin:
    """Objects that are not changed but copied with something else in them."""

    def copy(self, **kwargs):
        """The same object with some arguments of the constructor given anew."""
        unknown = set(kwargs) - set(inspect.signature(type(self).__init__).parameters)
        if unknown:
            raise TypeError("copy() got unexpected arguments: {}".format(", ".join(sorted(unknown))))
        other = copy.copy(self)
        for name, value in kwargs.items():
            setattr(other, name, value)
        return other
