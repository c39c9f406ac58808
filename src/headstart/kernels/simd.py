"""SIMD values for Numba: several float32 side by side, as one value in compiled code.

Numba leaves vectorising to LLVM, which neither keeps a block of sums in registers nor handles the
end of a loop without scalar code; a recurrent kernel loses more than half its speed to that. So
this module gives compiled code a type for `LANES` float32 values, with arithmetic (``+ - * /``),
loads and stores, whole or of the first few lanes. LLVM maps them to AVX-512, AVX2 or NEON.

Nothing here is bounds-checked: callers own their offsets, which count elements of a one-dimensional
array.
"""

from __future__ import annotations

import inspect
import math
import operator
import platform
from collections.abc import Callable, Sequence

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, imputils
from numba.core.typing import templates
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from headstart.kernels import memory
from headstart.kernels.llvm import Builder, Context, Emit, Kind, Signature, Untyped, Value

_templates: Untyped = templates
_imputils: Untyped = imputils
_intrinsic: Untyped = intrinsic
_types: Untyped = types
_cgutils: Untyped = cgutils

_FEATURES = llvm.get_host_cpu_features()
_X86 = platform.machine().lower() in ("x86_64", "amd64")
LANES: int = 16 if _FEATURES.get("avx512f") else 8 if _FEATURES.get("avx2") else 4
"""Float32 values in one SIMD register of this machine."""
N_REGISTERS: int = 16 if _X86 and LANES < 16 else 32
"""SIMD registers of this machine."""

VECTOR = ir.VectorType(ir.FloatType(), LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
_I32 = ir.IntType(32)
_FUSED = ("contract",)  # lets a * b + c become one rounding, and nothing else
_FLUSH = 0x8040  # MXCSR: denormal results and denormal operands count as zero


class _LanesType(types.Type):
    """Numba's type of a SIMD value."""


_lanes = _LanesType(name=f"float32x{LANES}")
_mask = _LanesType(name=f"bool1x{LANES}")

ARRAY = None
"""Stands for a contiguous array or an `address` in the parameters of an `instruction`."""
INTEGER = types.int64


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    """How a SIMD value is held in LLVM."""

    def __init__(self, manager: Kind, kind: Kind) -> None:
        super().__init__(manager, kind, VECTOR if kind == _lanes else _MASK)  # type: ignore[no-untyped-call]


def _declare(operation: Kind, emit: Emit) -> None:
    class _Signature(templates.ConcreteTemplate):
        cases = (_templates.signature(_lanes, _lanes, _lanes),)

    def lower(_context: Context, builder: Builder, _signature: Signature, values: Sequence[Value]) -> Value:
        return emit(builder, *values, flags=_FUSED)

    _templates.infer_global(operation)(_Signature)
    _imputils.lower_builtin(operation, _lanes, _lanes)(lower)


_declare(operator.add, ir.IRBuilder.fadd)
_declare(operator.sub, ir.IRBuilder.fsub)
_declare(operator.mul, ir.IRBuilder.fmul)
_declare(operator.truediv, ir.IRBuilder.fdiv)


def instruction(result: Kind, *parameters: Kind) -> Callable[[Emit], Value]:
    """Make a function that emits LLVM code callable from compiled code.

    Args:
        result: Numba type of what it gives.
        parameters: Numba types of what it takes; `ARRAY` takes an array or an `address`, and hands on
            where the data begin.

    Returns:
        A decorator for ``emit(builder, *values) -> value``.
    """

    def decorate(emit: Emit) -> Value:
        def typed(_context: Context, *given: Kind) -> Value:
            kinds = [kind if wanted is ARRAY else wanted for kind, wanted in zip(given, parameters, strict=True)]

            def lower(context: Context, builder: Builder, signed: Signature, values: Sequence[Value]) -> Value:
                raw = [
                    context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
                    for kind, value in zip(signed.args, values, strict=True)
                ]
                emitted = emit(builder, *raw)
                return context.get_dummy_value() if emitted is None else emitted

            return result(*kinds), lower

        typed.__name__, typed.__doc__ = emit.__name__, emit.__doc__
        typed.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]  # Numba lays out calls by it
        return _intrinsic(typed)

    return decorate


@_intrinsic  # type: ignore[untyped-decorator]
def address(_context: Context, array: Kind) -> Value:
    """``address(array)``: where its data begin, to be used in its place; ``address(array)[i]`` works.

    Inner loops take addresses: Numba counts references to arrays, and in a loop with branches that
    costs more than the work. An address keeps nothing alive: Numba frees an array that compiled code
    made after its last use *as an array*, so memory comes in from outside.
    """

    def lower(context: Context, builder: Builder, signed: Signature, values: Sequence[Value]) -> Value:
        return context.make_array(signed.args[0])(context, builder, values[0]).data

    return _types.CPointer(array.dtype)(array), lower


@_intrinsic  # type: ignore[untyped-decorator]
def moved(_context: Context, pointer: Kind, n: Kind) -> Value:
    """``moved(address, n)``: the address of the value ``n`` places on."""

    def lower(_context: Context, builder: Builder, _signed: Signature, values: Sequence[Value]) -> Value:
        return builder.gep(values[0], [values[1]])

    return pointer(pointer, INTEGER), lower


def _call(builder: Builder, name: str, result: Kind, *values: Value) -> Value:
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(_cgutils.get_or_insert_function(builder.module, kind, name), values)


def _vector_at(builder: Builder, data: Value, offset: Value) -> Value:
    return builder.bitcast(builder.gep(data, [offset], inbounds=True), VECTOR.as_pointer())


def broadcast(builder: Builder, scalar: Value, vector: Value = VECTOR) -> Value:
    """Emit a vector that holds ``scalar`` in every lane."""
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, _I32(0))
    places = ir.Constant(ir.VectorType(_I32, vector.count), None)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), places)


def read(builder: Builder, data: Value, offset: Value) -> Value:
    """Emit the load of a vector from ``data[offset:]``, at any alignment."""
    return builder.load(_vector_at(builder, data, offset), align=4)


def write(builder: Builder, data: Value, offset: Value, value: Value) -> None:
    """Emit the store of a vector to ``data[offset:]``, at any alignment."""
    builder.store(value, _vector_at(builder, data, offset), align=4)


@instruction(_lanes, types.float32)
def fill(builder: Builder, scalar: Value) -> Value:
    """``fill(scalar)``: the same value in every lane."""
    return broadcast(builder, scalar)


@instruction(_mask, INTEGER)
def first(builder: Builder, n: Value) -> Value:
    """``first(n)``: the mask of the first ``n`` lanes; of all of them from `LANES` up."""
    wide = ir.VectorType(_I32, LANES)
    numbers = ir.Constant(wide, list(range(LANES)))
    return builder.icmp_signed("<", numbers, broadcast(builder, builder.trunc(n, _I32), wide))


@instruction(_lanes, ARRAY, INTEGER)
def load(builder: Builder, data: Value, offset: Value) -> Value:
    """``load(array, offset)``: the values ``array[offset : offset + LANES]``."""
    return read(builder, data, offset)


@instruction(types.void, ARRAY, INTEGER, _lanes)
def store(builder: Builder, data: Value, offset: Value, value: Value) -> None:
    """``store(array, offset, value)``: write all lanes to ``array[offset:]``."""
    write(builder, data, offset, value)


@instruction(_lanes, ARRAY, INTEGER, _mask)
def load_some(builder: Builder, data: Value, offset: Value, mask: Value) -> Value:
    """``load_some(array, offset, mask)``: the lanes of the mask; the others are 0 and are not read."""
    pointer = _vector_at(builder, data, offset)
    zeros = ir.Constant(VECTOR, None)
    return _call(builder, f"llvm.masked.load.v{LANES}f32.p0", VECTOR, pointer, _I32(4), mask, zeros)


@instruction(types.void, ARRAY, INTEGER, _mask, _lanes)
def store_some(builder: Builder, data: Value, offset: Value, mask: Value, value: Value) -> None:
    """``store_some(array, offset, mask, value)``: write the lanes of the mask and nothing else."""
    pointer = _vector_at(builder, data, offset)
    _call(builder, f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), value, pointer, _I32(4), mask)


@instruction(_lanes, _lanes)
def root(builder: Builder, value: Value) -> Value:
    """``root(value)``: square root of every lane."""
    return _call(builder, f"llvm.sqrt.v{LANES}f32", VECTOR, value)


@instruction(types.boolean, _mask)
def any_lane(builder: Builder, mask: Value) -> Value:
    """``any_lane(mask)``: whether a lane of the mask is set."""
    bits = ir.IntType(LANES)
    return builder.icmp_unsigned("!=", builder.bitcast(mask, bits), bits(0))


@instruction(_mask, _lanes, _lanes)
def greater(builder: Builder, left: Value, right: Value) -> Value:
    """``greater(left, right)``: the mask of the lanes where ``left > right``; false next to a NaN."""
    return builder.fcmp_ordered(">", left, right)


@instruction(_mask, _lanes)
def not_a_number(builder: Builder, value: Value) -> Value:
    """``not_a_number(value)``: the mask of the lanes that hold a NaN."""
    return builder.fcmp_unordered("uno", value, value)


@instruction(_lanes, _mask, _lanes, _lanes)
def select(builder: Builder, mask: Value, inside: Value, outside: Value) -> Value:
    """``select(mask, inside, outside)``: lanes of ``inside`` where the mask is set, else ``outside``."""
    return builder.select(mask, inside, outside)


@instruction(_lanes, _lanes, types.float32)
def clamp(builder: Builder, value: Value, limit: Value) -> Value:
    """``clamp(value, limit)``: cut to [-limit, limit]. A NaN stays one, so that divergence shows."""
    high, low = broadcast(builder, limit), broadcast(builder, builder.fneg(limit))
    value = builder.select(builder.fcmp_ordered("<", high, value), high, value)
    return builder.select(builder.fcmp_ordered(">", low, value), low, value)


@instruction(types.void, ARRAY, INTEGER)
def prefetch(builder: Builder, data: Value, offset: Value) -> None:
    """``prefetch(array, offset)``: ask for the cache line of ``array[offset]``; it need not exist."""
    pointer = builder.bitcast(builder.gep(data, [offset]), ir.IntType(8).as_pointer())
    _call(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, _I32(0), _I32(3), _I32(1))


@instruction(types.uint32)
def flush_denormals(builder: Builder) -> Value:
    """``flush_denormals()``: let this thread treat denormals as 0; gives what to put back.

    Vanishing gradients go denormal, and x86 computes with such numbers a hundred times slower. The
    setting belongs to the thread, so a kernel sets it when it starts and puts it back when it ends.
    Elsewhere than on x86 denormals cost nothing, and this does nothing.
    """
    if not _X86:
        return ir.IntType(32)(0)
    before = builder.load(_control(builder, "llvm.x86.sse.stmxcsr", None))
    _control(builder, "llvm.x86.sse.ldmxcsr", builder.or_(before, _I32(_FLUSH)))
    return before


@instruction(types.void, types.uint32)
def put_back_denormals(builder: Builder, before: Value) -> None:
    """``put_back_denormals(before)``: undo `flush_denormals`."""
    if _X86:
        _control(builder, "llvm.x86.sse.ldmxcsr", before)


def _control(builder: Builder, name: str, value: Value) -> Value:
    """Emit a read or write of the thread's floating point control word; gives where it was held."""
    slot = _cgutils.alloca_once(builder, _I32)
    if value is not None:
        builder.store(value, slot)
    _call(builder, name, ir.VoidType(), builder.bitcast(slot, ir.IntType(8).as_pointer()))
    return slot


def aligned(*shape: int) -> NDArray[np.float32]:
    """Return float32 zeros, flat, with room for `LANES` values behind, beginning on a 64-byte border.

    Vectors that straddle two cache lines load at half the speed.
    """
    zeros = memory.borrow(math.prod(shape) + LANES)
    zeros.fill(0.0)
    return zeros
