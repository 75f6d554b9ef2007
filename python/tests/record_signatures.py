"""
The signatures of the public functions, classes and methods of kartothek or plateau as JSON; run by an interpreter that has the original.

    python record_signatures.py kartothek > data/signatures-kartothek-5.3.0.json
"""
import importlib
import inspect
import json
import pkgutil
import sys
import warnings

#: the inside of the originals, and their command line
LEFT_OUT = ("cli", "docs", "io_components.cube", "io_components.docs")


def parameters(function):
    """[name with its stars, or "name=default"] of a function; defaults as their repr."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        name = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        default = getattr(parameter.default, "__name__", repr(parameter.default))  # a function's repr holds its address
        found.append(name if parameter.default is parameter.empty else "{}={}".format(name, default))
    return found


def members(cls):
    """Public methods and properties that the class or a base of the same package defines."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.split(".")[0] != cls.__module__.split(".")[0]:
            continue
        for name, member in vars(base).items():
            function = getattr(cls, name, None)
            if name.startswith("_") and name != "__init__":
                continue
            if isinstance(member, property):
                found[name] = "property"
            elif inspect.isfunction(function) or inspect.ismethod(function):
                found[name] = parameters(function)
    return found


def signatures(package):
    """{module: {name: parameters of a function, or {method: parameters} of a class}}"""
    result = {}
    for info in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        path = info.name[len(package) + 1 :]
        parts = path.split(".")
        if parts[-1].startswith("_") or "testing" in parts or any((path + ".").startswith(out + ".") for out in LEFT_OUT):
            continue
        module = importlib.import_module(info.name)
        names = {}
        for name, value in sorted(vars(module).items()):
            listed = name in getattr(module, "__all__", ())
            if name.startswith("_") or getattr(value, "__module__", "").split(".")[0] != package:
                continue
            if value.__module__ != info.name and not listed:
                continue
            if inspect.isclass(value):
                names[name] = members(value)
            elif inspect.isfunction(value):
                names[name] = parameters(value)
        if names:
            result[path] = names
    return result


def compact(found):
    """JSON with one line a function."""
    modules = []
    for path, names in sorted(found.items()):
        lines = ["  {}: {}".format(json.dumps(name), json.dumps(value)) for name, value in sorted(names.items())]
        modules.append(" {}: {{\n{}\n }}".format(json.dumps(path), ",\n".join(lines)))
    return "{\n" + ",\n".join(modules) + "\n}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(compact(signatures(sys.argv[1])))
