"""Networks run by compiled loops over their stored arrays; torch is not needed.

`headstart.engines.compiled.tables` says what each network is made of, `headstart.engines.compiled.kinds` what runs each of
its stages. The loops are those of `headstart.kernels` that torch's layers call too, so most stages give the same bits.
"""

from headstart.engines.compiled.running import CompiledEngine, open_network, takes
