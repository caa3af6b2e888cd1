"""Writes Tests/Golden/sra_elementary.txt: correctly rounded values of elementary functions.

    pip install mpmath; python3 Tests/Golden/sra_elementary.py > Tests/Golden/sra_elementary.txt

A line is: function, argument bits, (exponent bits,) value bits, in hexadecimal.
"""

import math
import random
import struct

import mpmath

mpmath.mp.prec = 400


def bits(x: float) -> str:
    return f"{struct.unpack('<Q', struct.pack('<d', x))[0]:016x}"


def rounded(value: mpmath.mpf) -> float:
    # mpmath rounds to nearest even and handles subnormals and overflow.
    return float(value)


draw = random.Random(7)
ONE_ARGUMENT = {
    "exp": (mpmath.exp, lambda: draw.uniform(-740, 709)),
    "expm1": (mpmath.expm1, lambda: draw.choice([draw.uniform(-40, 700), draw.uniform(-1, 1),
                                                 draw.uniform(-1, 1) * 10.0 ** -draw.uniform(0, 18)])),
    "ln": (mpmath.log, lambda: draw.choice([math.ldexp(draw.uniform(1, 2), draw.randint(-1074, 1022)),
                                            draw.uniform(0.5, 2)])),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2),
             lambda: draw.choice([math.ldexp(draw.uniform(1, 2), draw.randint(-1074, 1022)),
                                  draw.uniform(0.5, 2), float(draw.randint(1, 10**9))])),
    "log1p": (mpmath.log1p, lambda: draw.choice([draw.uniform(-1, 1), draw.uniform(0, 1e6),
                                                 draw.uniform(-1, 1) * 10.0 ** -draw.uniform(0, 18)])),
}
for name, (function, argument) in ONE_ARGUMENT.items():
    for _ in range(150):
        x = argument()
        print(name, bits(x), bits(rounded(function(mpmath.mpf(x)))))
for _ in range(300):
    base = draw.choice([draw.uniform(0, 2), draw.uniform(0, 1e6), draw.uniform(0.99, 1.01)])
    limit = 700 / max(abs(math.log(base)), 1e-3)
    exponent = draw.choice([draw.uniform(-3, 3), draw.uniform(-limit, limit)])
    value = rounded(mpmath.power(mpmath.mpf(base), mpmath.mpf(exponent)))
    print("pow", bits(base), bits(exponent), bits(value))
