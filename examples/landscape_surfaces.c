/* landscape_surfaces.c - functions of two numbers, each hard in a way of its own. K, where a
 * formula has it, says how much steeper the walls of a valley are than its floor. */
#include "landscape.h"

static rv_tensor *valley(rv_tensor *x, rv_tensor *y, double k)
{
    return rv_mul_scalar(rv_add(rv_square(x), rv_mul_scalar(rv_square(y), k)), 0.5);
}

static rv_tensor *saddle(rv_tensor *x, rv_tensor *y, double k)
{
    rv_tensor *y2 = rv_square(y);
    rv_tensor *across = rv_mul_scalar(rv_square(x), k / 2);
    return rv_add(across, rv_sub(rv_mul_scalar(rv_square(y2), 0.25), rv_mul_scalar(y2, 0.5)));
}

/* Its derivative by x is (x + 1) (x - 0.2) (x - 1). */
static rv_tensor *minima(rv_tensor *x, rv_tensor *y, double k)
{
    rv_tensor *x2 = rv_square(x);
    rv_tensor *even = rv_sub(rv_mul_scalar(rv_square(x2), 0.25), rv_mul_scalar(x2, 0.5));
    rv_tensor *odd = rv_mul(x, rv_add_scalar(rv_mul_scalar(x2, -0.2 / 3), 0.2));
    return rv_add(rv_add(even, odd), rv_mul_scalar(rv_square(y), k / 2));
}

static rv_tensor *rosenbrock(rv_tensor *x, rv_tensor *y, double k)
{
    rv_tensor *a = rv_add_scalar(rv_neg(x), 1), *b = rv_sub(y, rv_square(x));
    return rv_add(rv_square(a), rv_mul_scalar(rv_square(b), k));
}

static rv_tensor *beale(rv_tensor *x, rv_tensor *y, double k)
{
    static const double c[] = {1.5, 2.25, 2.625};
    (void)k;
    rv_tensor *sum = NULL, *power = y; /* y, y^2, y^3 */
    for (int i = 0; i < RV_COUNT(c); i++) {
        rv_tensor *term = rv_add_scalar(rv_mul(x, rv_add_scalar(power, -1)), c[i]);
        sum = i == 0 ? rv_square(term) : rv_add(sum, rv_square(term));
        power = rv_mul(power, y);
    }
    return sum;
}

const surface surfaces[] = {
    {.name = "valley",
     .formula = "(x^2 + K y^2) / 2",
     .height = valley,
     .condition = 25,
     .start = {-9, 1.8},
     .minimum = {0, 0},
     .left = -10,
     .right = 5,
     .bottom = -2.5,
     .top = 2.5,
     .steps = 60},
    {.name = "saddle",
     .formula = "K x^2 / 2 - y^2 / 2 + y^4 / 4",
     .height = saddle,
     .condition = 4,
     .start = {-1.2, 0.001},
     .minimum = {0, 1},
     .left = -1.4,
     .right = 1.4,
     .bottom = -0.5,
     .top = 1.5,
     .steps = 60},
    {.name = "minima",
     .formula = "x^4 / 4 - x^3 / 15 - x^2 / 2 + x / 5 + K y^2 / 2",
     .height = minima,
     .condition = 4,
     .start = {1.9, 0.9},
     .minimum = {-1, 0},
     .left = -2,
     .right = 2.2,
     .bottom = -1,
     .top = 1.2,
     .steps = 100},
    {.name = "rosenbrock",
     .formula = "(1 - x)^2 + K (y - x^2)^2",
     .height = rosenbrock,
     .condition = 100,
     .start = {-1.2, 1},
     .minimum = {1, 1},
     .left = -1.8,
     .right = 1.6,
     .bottom = -0.6,
     .top = 1.8,
     .steps = 300},
    {.name = "beale",
     .formula = "(1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2",
     .height = beale,
     .condition = 0,
     .start = {1, 1.5},
     .minimum = {3, 0.5},
     .left = -1,
     .right = 4.5,
     .bottom = -2,
     .top = 2,
     .steps = 500},
    {.name = NULL},
};
