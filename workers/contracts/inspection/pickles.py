"""Which names a pickle imports and calls, by walking its opcodes; nothing is imported, made or called."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from workers.contracts.inspection.allowed import is_allowed
from workers.contracts.inspection.arrays import array_passed, is_array
from workers.contracts.inspection.reading import Pieces, Unreadable
from workers.contracts.inspection.symbols import OTHER, Call, Memo, Name, Stack, noted

OPCODES_MOST: Final = 3_000_000
FOUND_MOST: Final = 50


@dataclass(slots=True)
class Found:
    """What was found in a file's pickles."""

    names: set[str] = field(default_factory=set)
    """Every name that is imported."""
    refused: dict[str, str] = field(default_factory=dict)
    """What is not on the list of allowed names → what is done with it: `imports`, `calls`."""
    opcodes: int = 0

    def name(self, name: Name) -> None:
        self.names.add(str(name))
        if not is_allowed(name.module, name.name):
            self.refuse(str(name), "imports")

    def refuse(self, what: str, how: str) -> None:
        if what in self.refused or len(self.refused) < FOUND_MOST:
            self.refused[what] = "calls" if "calls" in (how, self.refused.get(what)) else how


def pickle_walked(pieces: Pieces, found: Found) -> None:
    """Read one pickle to its end and note what it names.

    Raises:
        Unreadable: it is no pickle, is damaged, or is longer than is looked at.
    """
    walker = _Walker(pieces, found)
    try:
        for opcode, argument, _ in pickletools.genops(pieces):  # type: ignore[arg-type]  # it reads and has lines
            found.opcodes += 1
            if found.opcodes > OPCODES_MOST:
                raise Unreadable(f"it has more than {OPCODES_MOST} steps")
            walker.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable(f"it is no whole pickle: {str(error)[:200]}") from None


class _Walker:
    def __init__(self, pieces: Pieces, found: Found) -> None:
        self._pieces, self._found = pieces, found
        self._stack, self._memo = Stack(), Memo()

    def step(self, opcode: str, argument: Any) -> None:
        known = _STEPS.get(opcode)
        if known is not None:
            known(self, argument)
        elif opcode not in _NOTHING:
            self._plain(opcode, argument)

    def _plain(self, opcode: str, argument: Any) -> None:
        """Opcodes that put a constant on the stack; any other is not known."""
        if opcode not in _CONSTANTS:
            raise Unreadable(f"it has a step that is not known: {opcode}")
        self._stack.push(noted(argument))

    def imports(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            self._found.refuse("a name that is computed", "imports")
            self._stack.push(OTHER)
            return
        made = Name(module, name)
        self._found.name(made)
        self._stack.push(made)

    def global_(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.imports(module, name)

    def stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self.imports(module, name)

    def calls(self, called: Any, given: Any) -> None:
        if not isinstance(called, Name):
            self._found.refuse("what an earlier call made", "calls")
            self._stack.push(OTHER)
            return
        if not is_allowed(called.module, called.name):
            self._found.refuse(str(called), "calls")
        self._stack.push(Call(called, noted(given)))

    def reduce(self, _: Any) -> None:
        given = self._stack.pop()
        self.calls(self._stack.pop(), given)

    def new_object_keywords(self, _: Any) -> None:
        self._stack.pop()
        self.reduce(None)

    def instance(self, argument: str) -> None:
        given = tuple(self._stack.to_mark())
        self.global_(argument)
        self.calls(self._stack.pop(), given)

    def object_(self, _: Any) -> None:
        called, *given = self._stack.to_mark()
        self.calls(called, tuple(given))

    def build(self, _: Any) -> None:
        state = self._stack.pop()
        if isinstance(self._stack.top, Name):
            self._found.refuse(str(self._stack.top), "changes")
        elif is_array(self._stack.top) and isinstance(state, dict):
            self._array(state)

    def _array(self, state: dict[Any, Any]) -> None:
        """joblib writes the bytes of an array, or a pickle of its objects, in the middle of its own pickle."""
        if not array_passed(self._pieces, state):
            pickle_walked(self._pieces, self._found)

    def extension(self, argument: int) -> None:
        self._found.refuse(f"extension {argument} of copyreg", "calls")
        self._stack.push(OTHER)

    def tuple_of(self, count: int) -> None:
        taken = [self._stack.pop() for _ in range(count)]
        self._stack.push(noted(tuple(reversed(taken))))

    def tuple_(self, _: Any) -> None:
        self._stack.push(noted(tuple(self._stack.to_mark())))

    def collection(self, _: Any) -> None:
        self._stack.to_mark()
        self._stack.push(OTHER)

    def dictionary(self, _: Any) -> None:
        made: dict[Any, Any] = {}
        self._enter(made, self._stack.to_mark())
        self._stack.push(made)

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._enter(self._stack.top, [key, value])

    def set_items(self, _: Any) -> None:
        items = self._stack.to_mark()
        self._enter(self._stack.top, items)

    @staticmethod
    def _enter(into: Any, items: list[Any]) -> None:
        """Only what joblib says of an array is asked for: words as keys, in a small dictionary."""
        if isinstance(into, dict):
            pairs = zip(items[::2], items[1::2], strict=True)
            into.update((key, value) for key, value in pairs if isinstance(key, str) and len(into) < 100)

    def get(self, argument: Any) -> None:
        self._stack.push(self._memo.get(int(argument)))

    def put(self, argument: Any) -> None:
        self._memo.put(int(argument), self._stack.top)

    def memoize(self, _: Any) -> None:
        self._memo.add(self._stack.top)

    def put_other(self, _: Any) -> None:
        self._stack.push(OTHER)

    def in_place_of(self, _: Any) -> None:
        self._stack.pop()
        self._stack.push(OTHER)

    def drop(self, _: Any) -> None:
        self._stack.drop()

    def forget(self, _: Any) -> None:
        self._stack.pop()

    def forget_to_mark(self, _: Any) -> None:
        self._stack.to_mark()

    def again(self, _: Any) -> None:
        self._stack.push(self._stack.top)

    def mark(self, _: Any) -> None:
        self._stack.mark()


_NOTHING: Final = frozenset({"PROTO", "FRAME", "STOP", "READONLY_BUFFER"})
_CONSTANTS: Final = frozenset(
    {
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "FLOAT",
        "BINFLOAT",
    }
)
_STEPS: Final[dict[str, Callable[[_Walker, Any], None]]] = {
    "GLOBAL": _Walker.global_,
    "STACK_GLOBAL": _Walker.stack_global,
    "REDUCE": _Walker.reduce,
    "NEWOBJ": _Walker.reduce,
    "NEWOBJ_EX": _Walker.new_object_keywords,
    "INST": _Walker.instance,
    "OBJ": _Walker.object_,
    "BUILD": _Walker.build,
    "EXT1": _Walker.extension,
    "EXT2": _Walker.extension,
    "EXT4": _Walker.extension,
    "EMPTY_TUPLE": lambda walker, _: walker.tuple_of(0),
    "TUPLE1": lambda walker, _: walker.tuple_of(1),
    "TUPLE2": lambda walker, _: walker.tuple_of(2),
    "TUPLE3": lambda walker, _: walker.tuple_of(3),
    "TUPLE": _Walker.tuple_,
    "EMPTY_LIST": _Walker.put_other,
    "EMPTY_SET": _Walker.put_other,
    "LIST": _Walker.collection,
    "FROZENSET": _Walker.collection,
    "EMPTY_DICT": lambda walker, _: walker._stack.push({}),
    "DICT": _Walker.dictionary,
    "SETITEM": _Walker.set_item,
    "SETITEMS": _Walker.set_items,
    "APPEND": _Walker.forget,
    "APPENDS": _Walker.forget_to_mark,
    "ADDITEMS": _Walker.forget_to_mark,
    "GET": _Walker.get,
    "BINGET": _Walker.get,
    "LONG_BINGET": _Walker.get,
    "PUT": _Walker.put,
    "BINPUT": _Walker.put,
    "LONG_BINPUT": _Walker.put,
    "MEMOIZE": _Walker.memoize,
    "POP": _Walker.drop,
    "POP_MARK": _Walker.forget_to_mark,
    "DUP": _Walker.again,
    "MARK": _Walker.mark,
    "PERSID": _Walker.put_other,
    "BINPERSID": _Walker.in_place_of,
    "NEXT_BUFFER": _Walker.put_other,
}
