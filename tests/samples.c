/* samples.c - makes the table of samples out of its lists, and draws their inputs.
 *
 * Each list is included twice: once for the functions, once for the rows that point to them.
 */
#include "samples.h"

#include <math.h>
#include <stdint.h>

/* ---- the functions -------------------------------------------------------------------------- */

/* Tensor n of an array that ends with NULL, or is NULL; an error if there is none. */
static rv_tensor *nth(rv_tensor **tensors, int n)
{
    for (int i = 0; tensors != NULL && i < n && *tensors != NULL; i++)
        tensors++;
    if (tensors != NULL && *tensors != NULL)
        return *tensors;
    return rv_fail_null(RV_ERROR_INDEX, "nth", "there is no tensor %d", n);
}

#define SAMPLE(op, name, call, torch, gradient, ...)                   \
    static rv_tensor *run_##op##_##name(rv_tensor **in, void *context) \
    {                                                                  \
        (void)context;                                                 \
        (void)in;                                                      \
        return call;                                                   \
    }
#include "samples_all.inc"
#undef SAMPLE

/* What bad calls are made with. */
#define F(...) rv_ones(RV_F64, __VA_ARGS__)
#define F0 rv_ones(RV_F64)
#define HALF(...) rv_ones(RV_F32, __VA_ARGS__)
#define WHOLE(...) rv_ones(RV_I64, __VA_ARGS__)
#define BYTES(...) rv_ones(RV_U8, __VA_ARGS__)
#define LABELS(value, ...) rv_full(value, RV_I64, __VA_ARGS__)

#define BAD(op, name, call, status, message)  \
    static rv_tensor *bad_##op##_##name(void) \
    {                                         \
        return call;                          \
    }
#include "bad_all.inc"
#undef BAD

/* ---- the rows ------------------------------------------------------------------------------- */

#define SAMPLE(op, name, call, torch, gradient, ...) \
    {FAMILY, #op, #name, run_##op##_##name, {__VA_ARGS__}, torch, SAMPLE_##gradient},
static const sample samples[] = {
#include "samples_all.inc"
};
#undef SAMPLE

#define BAD(op, name, call, status, message) \
    {#op, #name, bad_##op##_##name, RV_ERROR_##status, message},
static const bad_call bad_calls[] = {
#include "bad_all.inc"
};
#undef BAD

const sample *sample_at(int index)
{
    return index >= 0 && index < RV_COUNT(samples) ? &samples[index] : NULL;
}

const bad_call *bad_call_at(int index)
{
    return index >= 0 && index < RV_COUNT(bad_calls) ? &bad_calls[index] : NULL;
}

int sample_inputs(const sample *s)
{
    int count = 0;
    while (count < SAMPLE_MAX_INPUTS && s->in[count].used)
        count++;
    return count;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static uint64_t seed_of(const sample *s)
{
    return hash_text(hash_text(hash_text(0xcbf29ce484222325u, s->op), "/"), s->name);
}

/* Uniform in [0, 1): element j of what is drawn as number `stream`. */
static double draw(const sample *s, int stream, int64_t j)
{
    uint32_t bits[4];
    rv_philox((rv_random_place){seed_of(s), 0}, ((uint64_t)stream << 32) + (uint64_t)j, bits);
    return (double)(((uint64_t)bits[0] << 32 | bits[1]) >> 11) * 0x1p-53;
}

static int64_t rank_of(const sample *s, int stream, int64_t numel, int64_t j)
{
    const double own = draw(s, stream, j);
    int64_t rank = 0;
    for (int64_t k = 0; k < numel; k++)
        rank += draw(s, stream, k) < own;
    return rank;
}

static double element(const sample *s, int i, int64_t numel, int64_t j)
{
    const sample_input *in = &s->in[i];
    const bool apart = in->kind == SAMPLE_APART;
    const double u =
        apart ? ((double)rank_of(s, i, numel, j) + 0.5) / (double)numel : draw(s, i, j);
    double value = in->low + (in->high - in->low) * u;
    if (in->kind == SAMPLE_WHOLE || !rv_dtype_is_floating(in->dtype))
        value = floor(value);
    return value >= 0 ? value + in->gap : value - in->gap;
}

static void put(rv_tensor *t, int64_t j, double value)
{
    switch (t->dtype) {
    case RV_F32: ((float *)t->data)[j] = (float)value; break;
    case RV_F64: ((double *)t->data)[j] = value; break;
    case RV_I64: ((int64_t *)t->data)[j] = (int64_t)value; break;
    default: ((uint8_t *)t->data)[j] = (uint8_t)value; break;
    }
}

rv_tensor *sample_make(const sample *s, int i)
{
    rv_tensor *t = rv_empty_n(s->in[i].dtype, s->in[i].ndim, s->in[i].shape);
    for (int64_t j = 0; t != NULL && j < t->numel; j++)
        put(t, j, element(s, i, t->numel, j));
    return t;
}

rv_tensor *sample_weights(const sample *s, int i, const rv_tensor *t)
{
    rv_tensor *weights = rv_empty_n(t->dtype, t->ndim, t->shape);
    for (int64_t j = 0; weights != NULL && j < t->numel; j++)
        put(weights, j, 2 * draw(s, i, j) - 1);
    return weights;
}
