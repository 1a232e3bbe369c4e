"""What a framework of its own gives a backend: bindings are called, derived and written down."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from trysquare.backend import Backend, Call, Form, Spelling, Tensor, Tensors, Want
from trysquare.binding import Binding, Resolved, resolve, spell
from trysquare.errors import Unsupported
from trysquare.spec import Spec


@dataclass(frozen=True)
class Snippets:
    """A framework's words for what a reproduction does, as templates for `str.format`.

    `tensor` makes one of the NumPy expression {array} on {device}, `bfloat16` of an array of
    uint16 bit patterns. `number` is a Python float, `dtype` a dtype's name, `shape` a tuple, `raw`
    the bytes, `storage` the identity of the memory of a {tensor}; `needed` is `Framework.needed`.
    `gradient` sets `output` to {call} and `gradients` to a sequence in the order of the names in
    {wrt}, which all end in a comma, and `second` to what `Framework.second` gives;
    {needed} are lines to run after the leaves are taken. {cotangent} is an
    expression, `ones` the one that stands for ones. {number} seeds `seed`. `forms` make a {tensor}
    of the same elements that lie otherwise in memory, `threads` is a statement that asks for
    {count} of them; both as far as the framework has that.
    """

    imports: str
    tensor: str
    bfloat16: str
    number: str
    dtype: str
    raw: str
    storage: str
    needed: str
    gradient: str
    ones: str
    seed: str
    forms: Mapping[Form, str] = field(default_factory=dict)
    threads: str = ""
    second: str = ""
    shape: str = "tuple({tensor}.shape)"


class Framework(Backend):
    """A backend that has functions of its own to call, and derives gradients itself."""

    bindings: tuple[Binding, ...]
    snippets: Snippets

    @abstractmethod
    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],
        tensors: Tensors,
        wrt: tuple[str, ...],
        cotangent: Tensor | None,
    ) -> Tensors:
        """Return the product of cotangent (None: ones) and Jacobian for each input in `wrt`."""

    @abstractmethod
    def needed(self, tensor: Tensor) -> Tensor:
        """Return the result of an operation whose gradient reads that result."""

    def spellings(self) -> Mapping[str, Spelling]:
        """Return how each function is called."""
        return spell(self.bindings)

    def resolve(self, spec: Spec, call: Call) -> Resolved:
        """Return the call in the framework's words; Unsupported if it has none.

        Raises UsageError if a binding and the spec disagree about names.
        """
        if spec.function in self.absent:
            raise Unsupported(self.absent[spec.function])
        return resolve(self.bindings, spec, call)

    def written(self, spec: Spec, call: Call) -> str:
        """Return the call by its public name; what only brings tensors into form is left out."""
        resolved = self.resolve(spec, call)
        named = replace(resolved.binding, code="")
        return replace(resolved, binding=named).text()

    def value(self, spec: Spec, call: Call, tensors: Tensors) -> Tensor:
        """Call the framework's function."""
        return self.resolve(spec, call)(tensors)

    def prepared(self, spec: Spec, call: Call) -> Callable[[Tensors], Tensor]:
        """Return the framework's function with its arguments put in."""
        return self.resolve(spec, call)

    def gradients(
        self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor | None
    ) -> Tensors:
        """Call the framework's function and let the framework derive it."""
        resolved = self.resolve(spec, call)

        def function(given: Tensors) -> Tensor:
            if call.want is Want.SAVED:
                given = {**given, **{name: self.needed(given[name]) for name in call.wrt}}
            return resolved(given)

        return self.differentiate(function, tensors, call.wrt, cotangent)

    def second(self, spec: Spec, call: Call, tensors: Tensors, cotangent: Tensor) -> Tensors:
        """Let the framework differentiate its own derivative."""
        function = self.resolve(spec, call)
        (wrt,) = call.wrt

        def slope(given: Tensors) -> Tensor:
            return self.differentiate(function, given, call.wrt, None)[wrt]

        return self.differentiate(slope, tensors, call.wrt, cotangent)


class Underived(Framework):
    """A framework that has no gradients; `underived` says so."""

    def gradients(
        self,
        spec: Spec,  # noqa: ARG002 - nothing to do with any of these
        call: Call,  # noqa: ARG002
        tensors: Tensors,  # noqa: ARG002
        cotangent: Tensor | None,  # noqa: ARG002
    ) -> Tensors:
        """Raise Unsupported."""
        raise Unsupported(self.underived)

    def second(
        self,
        spec: Spec,  # noqa: ARG002 - nothing to do with any of these
        call: Call,  # noqa: ARG002
        tensors: Tensors,  # noqa: ARG002
        cotangent: Tensor,  # noqa: ARG002
    ) -> Tensors:
        """Raise Unsupported."""
        raise Unsupported(self.underived)

    def differentiate(
        self,
        function: Callable[[Tensors], Tensor],  # noqa: ARG002 - nothing to do with any of these
        tensors: Tensors,  # noqa: ARG002
        wrt: tuple[str, ...],  # noqa: ARG002
        cotangent: Tensor | None,  # noqa: ARG002
    ) -> Tensors:
        """Raise Unsupported."""
        raise Unsupported(self.underived)

    def needed(self, tensor: Tensor) -> Tensor:
        """Return the tensor: there are no gradients that could need a result."""
        return tensor
