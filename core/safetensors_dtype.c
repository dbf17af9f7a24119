/* safetensors_dtype.c - the element types of the safetensors format, and those that are widened. */

#include <string.h>

#include "core/safetensors.h"

#define NOT_READ RV_DTYPE_COUNT

/* All of the format's, as of its library's version 0.8. */
static const rv_file_dtype types[] = {
    {"F32", 32, RV_F32},          {"F64", 64, RV_F64},
    {"I64", 64, RV_I64},          {"U8", 8, RV_U8},
    {"F16", 16, RV_F32},          {"BF16", 16, RV_F32},
    {"BOOL", 8, NOT_READ},        {"F4", 4, NOT_READ},
    {"F6_E2M3", 6, NOT_READ},     {"F6_E3M2", 6, NOT_READ},
    {"I8", 8, NOT_READ},          {"F8_E5M2", 8, NOT_READ},
    {"F8_E4M3", 8, NOT_READ},     {"F8_E8M0", 8, NOT_READ},
    {"F8_E4M3FNUZ", 8, NOT_READ}, {"F8_E5M2FNUZ", 8, NOT_READ},
    {"I16", 16, NOT_READ},        {"U16", 16, NOT_READ},
    {"I32", 32, NOT_READ},        {"U32", 32, NOT_READ},
    {"C64", 64, NOT_READ},        {"U64", 64, NOT_READ},
};

const rv_file_dtype *rv_file_dtype_find(const char *name)
{
    for (int i = 0; i < RV_COUNT(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

bool rv_file_dtype_is_exact(const rv_file_dtype *type)
{
    return type->dtype != NOT_READ && (size_t)type->bits == 8 * rv_dtype_size(type->dtype);
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE's half: a sign, 5 bits of exponent, 10 of fraction. */
static float half_value(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u,
                   fraction = half & 0x3ffu;
    if (exponent == 31) /* infinity and NaN */
        return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { /* zero and subnormal: so many times 2^-24 */
        const float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

void rv_file_dtype_widen(const rv_file_dtype *type, const uint16_t *from, int64_t n, float *to)
{
    const bool half = strcmp(type->name, "F16") == 0;
    for (int64_t i = 0; i < n; i++) /* BF16 is the upper half of an F32 */
        to[i] = half ? half_value(from[i]) : from_bits((uint32_t)from[i] << 16);
}
