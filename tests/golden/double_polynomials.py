"""The polynomials of core/kernels/double_math.h: fits, in hexadecimal, with their largest errors.

    python3 tests/golden/double_polynomials.py [NAME]...

Each is a weighted least-squares fit at Chebyshev's points, in 60 digits, which is within a bit of
the best one (minimax). Coefficients are rounded to double one after the other, from the constant
one on, and those that are left are fitted again, so that they make up for each rounding. Needs
mpmath.
"""

import sys

import mpmath as mp

mp.mp.dps = 60
POINTS = 80


def fit(f, weight, low, high, count, fixed):
    """Coefficients of the powers from len(fixed) to count - 1; the first are `fixed`."""
    points = [
        (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + 0.5) / POINTS)
        for i in range(POINTS)
    ]
    rows = [[weight(x) * x**k for k in range(len(fixed), count)] for x in points]
    rest = [weight(x) * (f(x) - mp.polyval(fixed[::-1] or [0], x)) for x in points]
    matrix = mp.matrix(rows)
    return list(mp.lu_solve(matrix.T * matrix, matrix.T * mp.matrix(rest)))


def rounded(f, weight, low, high, count, fixed=()):
    """Coefficients that are doubles, and the largest |weight * (f - p)|."""
    done = [mp.mpf(c) for c in fixed]
    while len(done) < count:
        done.append(mp.mpf(float(fit(f, weight, low, high, count, done)[0])))
    grid = [low + (high - low) * mp.mpf(i) / 1000 for i in range(1, 1001)]
    return done, max(abs(weight(x) * (f(x) - mp.polyval(done[::-1], x))) for x in grid)


def series(f, at_0, small="1e-12"):
    """f, but `at_0`(x), the begin of its series, where f itself would cancel."""
    return lambda x: at_0(x) if abs(x) < mp.mpf(small) else f(x)


def exp_rest(r):
    return (mp.expm1(r) - r) / r**2


def tanh_rest(z):
    a = mp.sqrt(z)
    return (mp.tanh(a) - a) / (a * z)


def log_rest(z):
    w = mp.sqrt(z)
    return (2 * mp.atanh(w) - 2 * w) / (w * z)


def sin_rest(z):
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / (r * z)


def cos_rest(z):
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")

# name: f, weight, low, high, number of coefficients, the first of them if they are given
POLYNOMIALS = {
    # (e^r - 1 - r)/r^2; what counts is the error of e^r
    "exp": (
        series(exp_rest, lambda r: mp.mpf(1) / 2 + r / 6 + r * r / 24),
        lambda r: r * r,
        -HALF_LN2,
        HALF_LN2,
        11,
        [0.5],
    ),
    # (tanh(a) - a)/a^3 of z = a^2, a <= 0.625; relative to tanh(a)
    "tanh": (
        series(tanh_rest, lambda z: -mp.mpf(1) / 3 + 2 * z / 15 - 17 * z * z / 315),
        lambda z: z,
        mp.mpf(0),
        mp.mpf("0.625") ** 2,
        11,
        [],
    ),
    # (log((1 + w)/(1 - w)) - 2w)/w^3 of z = w^2, w = f/(2 + f), f from sqrt(1/2) - 1 to sqrt(2) - 1
    "log": (
        series(log_rest, lambda z: mp.mpf(2) / 3 + 2 * z / 5 + 2 * z * z / 7),
        lambda z: z,
        mp.mpf(0),
        (mp.sqrt(2) - 1) ** 4 * mp.mpf("1.0001"),
        7,
        [],
    ),
    # (sin(r) - r)/r^3 and (cos(r) - 1 + r^2/2)/r^4 of z = r^2, r <= pi/4
    "sin": (
        series(sin_rest, lambda z: -mp.mpf(1) / 6 + z / 120 - z * z / 5040),
        lambda z: z,
        mp.mpf(0),
        (mp.pi / 4) ** 2 * mp.mpf("1.0001"),
        6,
        [],
    ),
    "cos": (
        series(cos_rest, lambda z: mp.mpf(1) / 24 - z / 720 + z * z / 40320),
        lambda z: z * z,
        mp.mpf(0),
        (mp.pi / 4) ** 2 * mp.mpf("1.0001"),
        6,
        [],
    ),
}


def main():
    for name in sys.argv[1:] or POLYNOMIALS:
        coefficients, error = rounded(*POLYNOMIALS[name])
        print(f"{name}: error 2^{float(mp.log(error, 2)):.1f}")
        for c in coefficients:
            print("   ", float(c).hex())


if __name__ == "__main__":
    main()
