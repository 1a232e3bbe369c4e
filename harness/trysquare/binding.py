"""How frameworks spell the functions of specs: a call of ours becomes a call of theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trysquare.backend import Call, Spelling, Tensor, Tensors
from trysquare.errors import Unsupported, UsageError, suggestion
from trysquare.spec import Parameter, ParameterKind, Spec, Value, choice_text


@dataclass(frozen=True)
class Binding:
    """How a framework spells one function of a spec; it calls, it does not compute.

    `name` is the public dotted name, `call` the function itself. Where `call` only brings tensors
    into the form that the framework's function wants, `wraps` is that function, whose signature
    counts, and `code` a Python expression for `call`, which reproductions use instead of the name.
    `arguments` maps the framework's argument names to the spec's inputs and parameters, in call
    order. `values` maps, for a parameter of the spec, the spec's choices to the framework's values.
    `canonical` holds arguments without which the framework's default is another function; what a
    call gives itself goes before them.
    `positional` says that the framework takes its tensors by position, whatever it calls them.
    `when` restricts the binding to calls with these parameters (`target_type: class`), and
    `dimensions` to inputs with so many dimensions. A parameter of the spec that is not in
    `arguments` is only supported at its default.
    """

    function: str
    name: str
    call: Callable[..., Tensor]
    arguments: Mapping[str, str]
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    canonical: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, Value] = field(default_factory=dict)
    dimensions: Mapping[str, int] = field(default_factory=dict)
    positional: bool = False
    wraps: Callable[..., Any] | None = None
    code: str = ""

    @property
    def arranged(self) -> bool:
        """Whether tensors are brought into another form first: then `code` is no mere name."""
        return "lambda" in self.code

    def __post_init__(self) -> None:
        missing = self.values.keys() - self.arguments.values()
        if missing:
            raise UsageError(f"{self.name}: values for {sorted(missing)}, which no argument takes")


@dataclass(frozen=True)
class Resolved:
    """A call in a framework's words: for each argument the input, or the constant, that it gets."""

    binding: Binding
    inputs: Mapping[str, str]
    constants: Mapping[str, Any]

    def __call__(self, tensors: Tensors) -> Tensor:
        """Call the framework."""
        given = {argument: tensors[name] for argument, name in self.inputs.items()}
        if self.binding.positional:
            return self.binding.call(*given.values(), **self.constants)
        return self.binding.call(**given, **self.constants)

    def text(self) -> str:
        """Return the call as Python source, with the spec's names for the inputs."""
        binding = self.binding
        return _written(binding, binding.code or binding.name, self.inputs, self.constants)


def _written(
    binding: Binding, callee: str, names: Mapping[str, str], constants: Mapping[str, Any]
) -> str:
    words = [
        name if binding.positional else f"{argument}={name}" for argument, name in names.items()
    ]
    words += [f"{argument}={_literal(value)}" for argument, value in constants.items()]
    return f"{callee}({', '.join(words)})"


def _literal(value: Any) -> str:
    if isinstance(value, float) and value - value != 0:
        return f'float("{value}")'
    return repr(value)


def resolve(bindings: Iterable[Binding], spec: Spec, call: Call) -> Resolved:
    """Return the first binding that takes these parameters, and what it is called with.

    Raises Unsupported, saying which, for a parameter or a value that the framework does not have,
    and UsageError where a binding and the spec disagree about names: else a slip would pass for
    something that the framework does not have.
    """
    given = {name: value for name, value in call.parameters.items() if value is not None}
    mine = [binding for binding in bindings if binding.function == spec.function]
    if not mine:
        raise Unsupported(f"no binding of {spec.function}")
    for one in mine:
        check(one, spec)
    everything = {**spec.defaults, **given}
    binding = next((one for one in mine if _holds(one.when, everything)), None)
    if binding is None:
        known = " or ".join(f"{one.name} ({_words(one.when)})" for one in mine)
        raise Unsupported(f"there is only {known}")
    constants = _constants(binding, spec, given)
    if call.canonical:
        constants = {**binding.canonical, **constants}
    return Resolved(binding, _inputs(binding, call), constants)


def _holds(when: Mapping[str, Value], parameters: Mapping[str, Value]) -> bool:
    return all(choice_text(parameters[n]) == choice_text(value) for n, value in when.items())


def _words(when: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={choice_text(value)}" for name, value in when.items())


def _inputs(binding: Binding, call: Call) -> dict[str, str]:
    for name in call.inputs:
        if name not in binding.arguments.values():
            raise Unsupported(f"{binding.name} has no {name}")
    for name, count in binding.dimensions.items():
        if name in call.inputs and call.inputs[name].ndim != count:
            raise Unsupported(
                f"{binding.name} means the same only for {name} of {count} dimensions"
            )
    return {arg: name for arg, name in binding.arguments.items() if name in call.inputs}


def _constants(binding: Binding, spec: Spec, given: Mapping[str, Value]) -> dict[str, Any]:
    for name, value in given.items():
        known = name in binding.arguments.values() or name in binding.when
        if not known and (name not in spec.defaults or value != spec.defaults[name]):
            raise Unsupported(f"{binding.name} has no {name}")
    return {
        argument: _translate(binding, name, given[name])
        for argument, name in binding.arguments.items()
        if name in given
    }


def _translate(binding: Binding, name: str, value: Value) -> Any:
    table = binding.values.get(name)
    if table is None:
        return value
    if choice_text(value) not in table:
        raise Unsupported(f"{binding.name} has no {name}={choice_text(value)}")
    return table[choice_text(value)]


def check(binding: Binding, spec: Spec) -> None:
    """Raise UsageError, naming the binding, for a name or a choice that the spec does not have."""
    inputs = {one.name for one in spec.inputs}
    old = {name for entry in spec.deprecated for name in entry.given}
    place = spec.place.path
    words = [*binding.arguments.values(), *binding.when]
    _known(binding, words, inputs | spec.defaults.keys() | old, f"{place} has no")
    _known(binding, binding.dimensions, inputs, f"{place} has no input")
    for one in spec.parameters:
        when = [choice_text(value) for name, value in binding.when.items() if name == one.name]
        choices = [*binding.values.get(one.name, ()), *when]
        if known := _choices(one):
            _known(binding, choices, known, f"{one.name} in {place} is never")


def _known(binding: Binding, given: Iterable[str], known: Collection[str], what: str) -> None:
    for name in given:
        if name not in known:
            hint = suggestion(name, known)
            raise UsageError(f"binding {binding.name}: {what} '{name}'; {hint}".rstrip("; "))


def _choices(parameter: Parameter) -> tuple[str, ...]:
    """Return the words for all values of a parameter; none where they are numbers."""
    return ("true", "false") if parameter.kind is ParameterKind.FLAG else parameter.choices


def spell(bindings: Iterable[Binding]) -> dict[str, Spelling]:
    """Return for each function how it is called, and the defaults that the framework declares."""
    spellings: dict[str, Spelling] = {}
    for binding in bindings:
        arranged = binding.arranged
        extra = {key: one for key, one in binding.canonical.items() if key not in binding.arguments}
        text = _written(binding, binding.name, binding.arguments, extra)
        stated = _defaults(binding)
        defaults = {name: str(value) for name, value in stated.items()}
        means = dict(_meant(binding, stated))
        if binding.function in spellings:
            earlier = spellings[binding.function]
            text = earlier.text if text in earlier.text else f"{earlier.text}\n{text}"
            defaults = {**defaults, **earlier.defaults}
            means = {**means, **earlier.means}
            arranged |= earlier.arranged
        spellings[binding.function] = Spelling(text, defaults, means, arranged)
    return spellings


def _defaults(binding: Binding) -> dict[str, Any]:
    try:
        parameters = inspect.signature(binding.wraps or binding.call).parameters
    except ValueError:  # written in C, without a signature
        return {}
    found: dict[str, Any] = {}
    for argument in dict.fromkeys([*binding.arguments, *binding.canonical]):
        parameter = parameters.get(argument)
        if parameter is not None and parameter.default is not inspect.Parameter.empty:
            # where two arguments take one parameter of the spec, the first
            found.setdefault(binding.arguments.get(argument, argument), parameter.default)
    return found


def _meant(binding: Binding, stated: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield the defaults of a signature that a spec has a word for, in its words."""
    for name, value in stated.items():
        table = binding.values.get(name)
        if table is not None:
            yield from ((name, choice) for choice, own in table.items() if own == value)
        elif name in binding.arguments.values() and isinstance(value, bool | int | float | str):
            yield name, value
