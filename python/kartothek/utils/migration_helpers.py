"""Decorators that tell callers which parameters are going away, and the texts that they tell."""
import functools
import inspect
import threading
import warnings

# Texts about parameters have "{parameter}" in them, for which a decorator puts in the name.

DEPRECATION_WARNING_REMOVE_PARAMETER = "The `{parameter}` keyword is deprecated and will be removed in an upcoming version."
DEPRECATION_WARNING_PARAMETER_NON_OPTIONAL_GENERIC_VERSION = "The `{parameter}` keyword will be non-Optional in an upcoming version."
DEPRECATION_WARNING_REMOVE_FUNCTION_GENERIC_VERSION = "The `{function}` keyword is deprecated and will be removed."

_SINCE = "The `{{parameter}}` keyword is deprecated since version: {} and will be "


def get_deprecation_warning_remove_parameter_multi_table(deprecated_in, removed_in):
    """The parameter goes with datasets of several tables."""
    text = "The `{{parameter}}` keyword is deprecated in version: {} and will be removed in version: {} in an effort to remove the multi table feature."
    return text.format(deprecated_in, removed_in)


def get_deprecation_warning_remove_dict_multi_table(deprecated_in, changed_in):
    """The parameter will take no dict by tables."""
    text = "The logic of the`{{parameter}}` keyword is deprecated since version: {} and will be changed in version: {} to not accept a dict of values"
    return text.format(deprecated_in, changed_in) + " anymore in an effort to remove the multi table feature."


def get_deprecation_warning_parameter_non_optional(deprecated_in, changed_in):
    """The parameter will have to be given."""
    return _SINCE.format(deprecated_in) + "non-Optional in version: {}.".format(changed_in)


def get_parameter_replaced_by_deprecation_warning(replaced_by, deprecated_in, changed_in):
    """Another parameter takes its place."""
    return _SINCE.format(deprecated_in) + "replaced by {} in version: {} .".format(replaced_by, changed_in)


def get_parameter_default_value_deprecation_warning(from_value, to_value, deprecated_in, changed_in):
    """The default will be another one."""
    text = "The default value of the `{{parameter}}` keyword is deprecated since version: {} and will be changed from {} to {} in version: {} ."
    return text.format(deprecated_in, from_value, to_value, changed_in)


def get_parameter_type_change_deprecation_warning(from_type, to_type, deprecated_in, changed_in):
    """The parameter will be of another type."""
    text = "The type of the `{{parameter}}` keyword is deprecated since version: {} and will be changed from {} to {} in version: {} ."
    return text.format(deprecated_in, from_type, to_type, changed_in)


def get_parameter_generic_replacement_deprecation_warning(replacing_parameter, deprecated_in, changed_in):
    """A parameter that does more takes its place."""
    return _SINCE.format(deprecated_in) + "replaced by the {} parameter in version: {} .".format(replacing_parameter, changed_in)


def get_generic_function_deprecation_waring(function_name):
    """The function goes, nobody knows when."""
    return DEPRECATION_WARNING_REMOVE_FUNCTION_GENERIC_VERSION.format(function=function_name)


def get_specific_function_deprecation_warning(function_name, deprecated_in, removed_in=None, reason=None):
    """The function goes. The text ends with the full stops of the original, two where there is a version or a reason."""
    text = "The `{}` keyword is deprecated since version {} and will be removed".format(function_name, deprecated_in)
    if removed_in is not None:
        text += " in version {}.".format(removed_in)
    if reason is not None:
        text += " Reason: {}.".format(reason)
    return text + "."


def get_specific_function_deprecation_warning_multi_table(function_name, deprecated_in, removed_in=None):
    """The function goes with datasets of several tables."""
    reason = "Part of the Effort to remove the multi table feature"
    return get_specific_function_deprecation_warning(function_name, deprecated_in, removed_in, reason)


def raise_warning(parameter, warning, func_name, stacklevel):
    """Issue the DeprecationWarning ``warning`` about a parameter of a function; ``stacklevel``: 2 for whoever calls this."""
    text = "{}\nAffected Kartothek function: {}".format(warning.format(parameter=parameter), func_name)
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel)


def deprecate_parameters(warning, *parameters):
    """
    Decorator: each call warns of each of the parameters.

    A function may have several of these and of :func:`deprecate_parameters_if_set`, each for other parameters; they stand above other decorators.
    What such a function calls in turn does not warn, in the same thread.

    Parameters
    ----------
    warning: str
        Its ``{parameter}`` becomes the name.
    parameters: str

    Raises
    ------
    ValueError
        On decoration: no parameters, one twice, one that the function does not have, or a function with ``*args`` or ``**kwargs``.
    """
    return functools.partial(_deprecated, warning, parameters, False)


def deprecate_parameters_if_set(warning, *parameters):
    """Decorator: calls that give one of the parameters, by position or name, warn of it. See :func:`deprecate_parameters`."""
    return functools.partial(_deprecated, warning, parameters, True)


class _Deprecation:
    """What all decorators of one function say together; the topmost does the work."""

    def __init__(self, function, rules):
        self.function = function
        self.rules = rules
        self.names = list(inspect.signature(function).parameters)

    def warned_of(self, arguments, keywords):
        """``(parameter, text)`` of each warning of a call, those of upper decorators first."""
        given = self.names[: len(arguments)]
        for warning, parameters, if_set in self.rules:
            if if_set:
                parameters = [name for name in parameters if name in given] + [name for name in parameters if name in keywords]
            for parameter in parameters:
                yield parameter, warning


#: whether a function that warns is being called, by thread
_CALLS = threading.local()


def _deprecated(warning, parameters, if_set, function):
    # Decorators in between copy attributes, so that one may have the deprecation of the function below it.
    below = getattr(function, "_deprecation", None)
    if below is not None and below[0] is function:
        deprecation = _Deprecation(below[1].function, [(warning, parameters, if_set)] + below[1].rules)
    else:
        deprecation = _Deprecation(function, [(warning, parameters, if_set)])
        specification = inspect.getfullargspec(function)
        if specification.varargs or specification.varkw:
            raise ValueError("Decorator cannot be applied to function with *args or **kwargs")
    _check_parameters(parameters, deprecation)

    @functools.wraps(deprecation.function)
    def called(*args, **kwargs):
        if getattr(_CALLS, "warn", False):
            return deprecation.function(*args, **kwargs)
        _CALLS.warn = True
        try:
            for parameter, text in deprecation.warned_of(args, kwargs):
                raise_warning(parameter, text, deprecation.function.__name__, stacklevel=3)
            return deprecation.function(*args, **kwargs)
        finally:
            _CALLS.warn = False

    called.__signature__ = inspect.signature(deprecation.function)
    called._deprecation = (called, deprecation)
    return called


def _check_parameters(parameters, deprecation):
    if not parameters:
        raise ValueError("At least one parameter must be specified when using this decorator!")
    if len(set(parameters)) < len(parameters):
        raise ValueError("Duplicate parameter assignment in decorator definition!")
    taken = {name for _, names, _ in deprecation.rules[1:] for name in names}
    invalid = sorted(set(parameters) - (set(deprecation.names) - taken))
    if invalid:
        raise ValueError("Invalid parameter in decorator definition: {}!".format(", ".join(invalid)))
