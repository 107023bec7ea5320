"""Which names a pickle imports and calls, by walking its opcodes; nothing is imported, made or called.

The same bytes are two programs: joblib passes over the arrays that it wrote into a pickle, `pickle` reads their bytes
as more steps. So what has arrays is walked both ways.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from typing import Any, Final

from workers.contracts.inspection.allowed import is_allowed, words
from workers.contracts.inspection.arrays import WRAPPER, array_passed, has_inner_objects, is_array, is_type
from workers.contracts.inspection.calls import COMPUTED, is_clear, is_text
from workers.contracts.inspection.reading import BROKEN, Pieces, Unreadable
from workers.contracts.inspection.symbols import OTHER, Call, Found, Memo, Name, Stack, noted

OPCODES_MOST: Final = 3_000_000
KEYS_MOST: Final = 100
WRAPPER_NAME: Final = WRAPPER.rpartition(".")[2]
_WORDS: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def pickle_tried(pieces: Pieces, opcodes: int = 0) -> tuple[Found, bool]:
    """What something that need be no pickle would run, as `pickle` reads it, until it breaks off; and whether it ends
    as a pickle does. What runs nothing was found to hold nothing.

    Args:
        opcodes: so many were read before.
    """
    found = Found(opcodes=opcodes)
    try:
        pickle_walked(pieces, found, is_joblib=False)
        is_whole = True
    except BROKEN:
        is_whole = False
    is_one = found.runs or (is_whole and bool(found.refused))
    return (found if is_one else Found()), is_whole


def pickle_walked(pieces: Pieces, found: Found, *, is_joblib: bool = True) -> None:
    """Read one pickle to its end and note what it names.

    Args:
        is_joblib: pass over arrays as joblib does.

    Raises:
        Unreadable: it is no pickle, is damaged, or is longer than is looked at.
    """
    walker = _Walker(pieces, found, is_joblib)
    try:
        for opcode, argument, _ in pickletools.genops(pieces):  # type: ignore[arg-type]  # it reads and has lines
            found.opcodes += 1
            if found.opcodes > OPCODES_MOST:
                raise Unreadable(f"it has more than {OPCODES_MOST} steps")
            walker.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable(f"it is no whole pickle: {str(error)[:200]}") from None


class _Walker:
    def __init__(self, pieces: Pieces, found: Found, is_joblib: bool) -> None:
        self._pieces, self._found, self._is_joblib = pieces, found, is_joblib
        self._stack, self._memo = Stack(), Memo()
        self._strange: dict[int, Any] = {}
        """By their ids: arrays that were set up, and types that are not what their names say."""

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
            are_texts = all(isinstance(one, str) or is_text(one) for one in (module, name))
            if not (are_texts or self._is_joblib):
                raise Unreadable("it imports what is no name")
            self._found.refuse("a name that is computed", "imports")
            self._stack.push(COMPUTED if are_texts else OTHER)
            return
        if module == WRAPPER_NAME and not self._is_joblib:
            raise Unreadable("it imports what is no module")  # read as joblib does not, its words are mixed up
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
            self._found.runs |= isinstance(called, Call)
            self._stack.push(OTHER)
            return
        if not is_allowed(called.module, called.name) or not is_clear(called, given):
            self._refuse(called, "calls")
        self._stack.push(Call(called, noted(given)))

    def _refuse(self, name: Name, how: str) -> None:
        self._found.refuse(str(name), how)
        self._found.runs |= bool(_WORDS.fullmatch(name.module) and _WORDS.fullmatch(name.name))

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
        state, made = self._stack.pop(), self._stack.top
        if isinstance(made, Name):
            self._refuse(made, "changes")
        elif is_type(made):
            self._type(made, state)
        elif is_array(made) and self._is_joblib:
            self._array(made, state)

    def _type(self, made: Call, state: Any) -> None:
        inner = has_inner_objects(made, state, self._strange)
        if inner is None:
            self._refuse(made.of, "changes")
        if inner is not False:
            self._strange[id(made)] = made

    def _array(self, made: Any, state: Any) -> None:
        """joblib writes the bytes of an array, or a pickle of its objects, in the middle of its own pickle."""
        if id(made) in self._strange or not isinstance(state, dict) or id(state.get("dtype")) in self._strange:
            raise Unreadable("it has an array whose size cannot be told")
        self._strange[id(made)] = made
        self._found.has_arrays = True
        self._stack.pop()
        self._stack.push(OTHER)
        if not array_passed(self._pieces, state):
            pickle_walked(self._pieces, self._found, is_joblib=False)

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
        """Only what joblib says of an array is asked for: words as keys, in a small dictionary. Of any other nothing is
        known, then or later."""
        pairs = zip(items[::2], items[1::2], strict=True)
        for key, value in pairs if isinstance(into, dict) else ():
            if None in into:
                return
            if isinstance(key, str) and (key in into or len(into) < KEYS_MOST):
                into[key] = value
            else:
                into.clear()
                into[None] = OTHER

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
_CONSTANTS: Final = words(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8"
    " BYTEARRAY8 NONE NEWTRUE NEWFALSE UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT BINFLOAT"
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
