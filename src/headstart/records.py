"""Records: what a model's files hold, as types, which `msgspec` holds plain values against.

::

    class Net(Record, frozen=True):
        size: Whole
        dropout: Fraction = 0.0

    decoded(Net, {"size": "64"}, "model.net")
    # ArtifactError: model.net.size: expected `int`, got `str`. Copy the model again ...

A new field is one line with a default. It is written only where it differs from that, so models without it keep their bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

import msgspec
from msgspec import Meta

from headstart.errors import ArtifactError
from headstart.plain import Json

REMEDY = "Copy the model again from where it was made, or train it again."

T = TypeVar("T")
Whole = Annotated[int, Meta(ge=0, le=2**53)]
"""A whole number from 0; up to 2^53 every JSON reader has it exactly."""
Positive = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A finite number, whole or not."""
Fraction = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(max_length=1000)]
Name = Annotated[str, Meta(max_length=10_000)]
Word = Annotated[str, Meta(max_length=1_000_000)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Named values of known types. It is never changed: `replace` gives another one."""

    def replace(self, **changes: object) -> Self:
        """Return the same record with other values."""
        return msgspec.structs.replace(self, **changes)

    def to_json(self) -> Json:
        """Return what `decoded` takes: the values that are no defaults, JSON-able."""
        named = {one.encode_name: (getattr(self, one.name), one) for one in msgspec.structs.fields(self)}
        kept = {name: value for name, (value, one) in named.items() if one.required or value != _default(one)}
        return {name: _as_json(value) for name, value in kept.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _as_json(inner) for key, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def decoded(kind: type[T], value: object, where: str) -> T:
    """Return a plain value as the type `kind`; `where` names its place in messages.

    Raises:
        ArtifactError: names what does not fit, and what was expected.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, AttributeError) as error:  # the latter of types that no file has
        fault, _, place = str(error).partition(" - at ")
        place = place.replace("`", "").replace("$", where, 1) or where
        raise ArtifactError(f"{place:.200}: {fault[:1].lower()}{fault[1:300]}. {REMEDY}") from error


def any_of(name: str, fields: Mapping[str, Any], *, others: bool = False) -> type[msgspec.Struct]:
    """Return a type that may leave out any of its fields, given by name with their types.

    Args:
        name: of the type.
        fields: the fields.
        others: whether other fields may stand next to these, unlooked at.
    """
    optional = [(field, kind, msgspec.UNSET) for field, kind in fields.items()]
    return msgspec.defstruct(name, optional, forbid_unknown_fields=not others)
