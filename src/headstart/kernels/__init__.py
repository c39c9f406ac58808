"""Compiled loops: text to token ids, and recurrent sequences. NumPy arrays in, NumPy arrays out.

Every kernel releases the interpreter's lock and works on the rows it is given, so callers spread
work over threads of their own; nothing here touches a process-wide setting. Numba compiles a kernel
the first time it is called and keeps the machine code on disk for later processes.
"""
