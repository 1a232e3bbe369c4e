"""The properties of a document: range, course, symmetry, and identities between answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trysquare.errors import suggestion
from trysquare.formula.tree import Op, Scope
from trysquare.formula.tree import name as name_of
from trysquare.spec import (
    Claim,
    Course,
    Expression,
    Identity,
    InputKind,
    Range,
    Selected,
    Trait,
    Value,
    choice_text,
)
from trysquare.specfile.document import Document, Gap, Node, Scalar, Table
from trysquare.specfile.phrases import STAND_IN, entries, items, text, texts
from trysquare.specfile.signature import COTANGENT, LOSS, OUTPUT, Signature
from trysquare.specfile.values import FLAGS


@dataclass(frozen=True)
class Context:
    """What a property may speak of.

    `known` are the names of a formula, `settings` reads values of parameters by name.
    """

    signature: Signature
    known: frozenset[str]
    reduce: Selected | None
    settings: Callable[[Node], dict[str, Value]]


def read_properties(document: Document, section: Node, context: Context) -> tuple[Claim, ...]:
    """Return the properties of a document; mistakes are noted in it."""
    return tuple(_Properties(document, context).read(section))


class _Properties:
    def __init__(self, document: Document, context: Context) -> None:
        self._document, self._context = document, context
        self._phrases = context.signature.phrases
        self._inputs = {item.name: item for item in context.signature.inputs}

    def read(self, section: Node) -> Iterator[Claim]:
        """Yield what a section says, the identities last."""
        table = entries(section)
        keys = section.keys if isinstance(section, Table) else {}
        if "range" in table:
            known = self._context.known | {OUTPUT}
            holds = self._phrases.conditions(table["range"], known)
            yield Range(holds, self._document.place(keys["range"]))
        for trait in Trait:
            if trait in table:
                yield self._course(trait, table[trait], keys[trait])
        first: dict[str, int] = {}
        for node in items(table.get("identities", Gap())):
            if isinstance(node, Table):
                yield self._identity(node, first)

    def _course(self, trait: Trait, node: Node, key: Scalar) -> Course:
        named = entries(node).get("of", Gap()) if isinstance(node, Table) else node
        names = tuple(self._float(word, named) for word in texts(named))
        if trait in (Trait.INCREASING, Trait.DECREASING) and len(names) > 1:
            self._document.report(named, f"{trait} along one input at a time")
        when = self._when(entries(node).get("when"))
        return Course(trait, names, when, self._document.place(key))

    def _float(self, word: str, node: Node) -> str:
        item = self._inputs.get(word)
        if item is None:
            hint = suggestion(word, self._inputs)
            self._document.report(node, f"'{word}' is not an input", hint)
        elif all(form.kind is InputKind.INDEX for form in item.forms.values()):
            self._document.report(node, f"input '{word}' holds no numbers, only positions")
        return word

    def _when(self, node: Node | None) -> Expression | None:
        if node is None:
            return None
        found = self._phrases.condition(node, self._phrases.numeric, rows=False)
        return None if found is STAND_IN else found

    def _identity(self, table: Table, first: dict[str, int]) -> Identity:
        given = table.entries
        name = text(given.get("name", Gap()))
        if name and name in first:
            message = f"line {first[name]} has an identity of this name"
            self._document.report(given["name"], message)
        first.setdefault(name, table.line)
        self._refuse_halves(table)
        of = self._gradient(given.get("of", Gap()))
        inputs, changed = self._given(given.get("given", Gap()))
        parameters = self._context.settings(given.get("with", Gap()))
        overall = self._reduces({**parameters, **changed})
        scope = Scope.ALL if overall else Scope.ROW
        numbers = self._context.known
        known = numbers | {OUTPUT, *([COTANGENT] if of else [])}

        def read(key: str) -> Expression:
            return self._phrases.expression(given.get(key, Gap()), known, scope)

        second = "given" in given
        output = Expression(OUTPUT, name_of(OUTPUT))
        return Identity(
            name=name,
            why=text(given.get("why", Gap())),
            of=of,
            when=self._when(given.get("when")),
            parameters=parameters,
            second=second,
            inputs={
                key: self._phrases.expression(node, numbers, scope) for key, node in inputs.items()
            },
            changed=changed,
            left=output if second else read("left"),
            right=read("output" if second else "right"),
            exact=FLAGS.get(text(given.get("exact", Gap())), False),
            overall=overall,
            place=self._document.place(table.keys.get("name", table)),
        )

    def _refuse_halves(self, table: Table) -> None:
        """Report an identity that is neither between two answers nor about one."""
        keys = table.entries.keys() & {"given", "output", "left", "right"}
        if keys not in ({"given", "output"}, {"left", "right"}):
            message = "an identity has `given` and `output`, or `left` and `right`"
            self._document.report(table.keys.get("name", table), message)

    def _gradient(self, node: Node) -> str:
        for word in texts(node):
            if word not in self._inputs:
                hint = suggestion(word, self._inputs)
                self._document.report(node, f"'{word}' is not an input", hint)
            elif not self._inputs[word].differentiable:
                self._document.report(node, f"input '{word}' is not differentiable")
            return word
        return ""

    def _given(self, node: Node) -> tuple[dict[str, Node], dict[str, Value]]:
        """Return the inputs of the second call, and its parameters."""
        if not isinstance(node, Table):
            return {}, {}
        inputs = {name: each for name, each in node.entries.items() if name in self._inputs}
        others = {name: each for name, each in node.entries.items() if name not in inputs}
        keys = {name: node.keys[name] for name in others}
        return inputs, self._context.settings(Table(node.line, node.column, others, keys))

    def _reduces(self, parameters: Mapping[str, Value]) -> bool:
        """Tell whether one of the calls joins all values to one."""
        reduce = self._context.reduce
        if reduce is None or reduce.parameter is None:
            return reduce is not None
        if reduce.parameter not in parameters:
            return False
        tree = reduce.options.get(choice_text(parameters[reduce.parameter]), STAND_IN).tree
        return not (tree.op is Op.NAME and tree.value == LOSS)
