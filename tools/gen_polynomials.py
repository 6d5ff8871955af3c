"""The coefficients of src/backend/cpu/simd/math.h: minimax polynomials by Remez' exchange, in 40 digits.

    python3 tools/gen_polynomials.py        # needs mpmath; prints error (log2) and coefficients, lowest power first"""
from mpmath import cos, erf, exp, log, lu_solve, matrix, mp, mpf, pi, sqrt, tanh

mp.dps = 40


def value(coefficients, x):
    y = mpf(0)
    for c in reversed(coefficients):
        y = y * x + c
    return y


def extrema(errors):
    """Index of the largest error of each run of one sign."""
    found, best = [], 0
    for i in range(1, len(errors)):
        if (errors[i] > 0) != (errors[best] > 0):
            found.append(best)
            best = i
        elif abs(errors[i]) > abs(errors[best]):
            best = i
    return found + [best]


def remez(f, weight, low, high, degree, rounds=12, points=1500):
    """The polynomial of least max |weight (f - p)|, and that maximum."""
    n = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    xs = [middle + half * cos(pi * (n - 1 - i) / (n - 1)) for i in range(n)]
    grid = [middle - half * cos(pi * mpf(i) / points) for i in range(points + 1)]
    for _ in range(rounds):
        a, r = matrix(n, n), matrix(n, 1)
        for i, x in enumerate(xs):
            for j in range(degree + 1):
                a[i, j] = x**j
            a[i, degree + 1] = (-1) ** i / weight(x)
            r[i] = f(x)
        solution = lu_solve(a, r)
        coefficients = [solution[j] for j in range(degree + 1)]
        errors = [weight(x) * (f(x) - value(coefficients, x)) for x in grid]
        at = extrema(errors)
        while len(at) > n:
            at.pop(0 if abs(errors[at[0]]) < abs(errors[at[-1]]) else -1)
        if len(at) < n:
            break
        xs = [grid[i] for i in at]
    return coefficients, max(abs(e) for e in errors)


def show(name, result):
    coefficients, error = result
    print(name, float(mp.log(error, 2)), [float(c) for c in coefficients])


LOG2 = log(mpf(2))
LIMIT = mpf("3.85")
# (e^r - 1 - r) / r^2, weighted by what it adds to e^r
show("exp", remez(lambda r: (exp(r) - 1 - r) / r**2 if abs(r) > 1e-8 else mpf(1) / 2,
                  lambda r: max(r * r, mpf("0.004")) / exp(r), -LOG2 / 2, LOG2 / 2, 4))


def erf_over_x(v):
    u = LIMIT**2 / 2 * (v + 1)
    return erf(sqrt(u)) / sqrt(u) if u > 0 else 2 / sqrt(pi)


# erf(x) / x in v = 2 x^2 / 3.85^2 - 1
show("erf", remez(erf_over_x, lambda v: 1 / erf_over_x(v), mpf(-1), mpf(1), 16))
# (tanh(x) / x - 1) / x^2 in u = x^2
show("tanh", remez(lambda u: (tanh(sqrt(u)) / sqrt(u) - 1) / u, lambda u: u, mpf("1e-9"), mpf("0.65") ** 2, 4))
