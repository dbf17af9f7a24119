/* data_split.c - some samples of a set, chosen at random, become a set of their own.
 *
 * The first n places of a random order are marked, and both sets walk the old list in its order:
 * what comes out depends on the generator alone, and fetching goes forward through memory.
 */

#include <string.h>

#include "core/data_set.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/tensor_make.h"

static const char who[] = "data_split";

/* Fills `chosen` [count] with n ones at random places, and zeros. */
static bool choose(int64_t count, int64_t n, uint8_t *chosen)
{
    const size_t bytes = (size_t)count * sizeof(int64_t);
    int64_t *order = rv_memory_get(who, bytes);
    if (order == NULL)
        return false;
    rv_permute_indices(rv_random_take(4 * count), count, order); /* at most count blocks of four */
    memset(chosen, 0, (size_t)count);
    for (int64_t i = 0; i < n; i++)
        chosen[order[i]] = 1;
    rv_memory_put(order, bytes);
    return true;
}

/* Divides the list `old` (NULL: 0, 1, ...) by `chosen`. */
static void divide(int64_t count, const int64_t *old, const uint8_t *chosen, int64_t *taken,
                   int64_t *left)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t index = old ? old[i] : i;
        if (chosen[i])
            *taken++ = index;
        else
            *left++ = index;
    }
}

/* The new set; the old one's list is replaced. Call with the old one's lock held. */
static rv_dataset *split(rv_dataset *set, int64_t n)
{
    RV_SCOPE;
    const int64_t count = set->count, rest = count - n;
    if (n < 1 || n >= count)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "%lld of %lld samples; from 1 to %lld can be taken", (long long)n,
                            (long long)count, (long long)(count - 1));
    rv_tensor *chosen = rv_make(who, RV_U8, 1, &count);
    rv_tensor *taken = rv_make(who, RV_I64, 1, &n), *left = rv_make(who, RV_I64, 1, &rest);
    if (chosen == NULL || taken == NULL || left == NULL ||
        !choose(count, n, (uint8_t *)chosen->data))
        return NULL;
    divide(count, set->indices ? (const int64_t *)set->indices->data : NULL,
           (const uint8_t *)chosen->data, (int64_t *)taken->data, (int64_t *)left->data);
    rv_object_retain(&set->source->object);
    rv_dataset *new_set = rv_dataset_new(who, set->source, taken);
    if (new_set == NULL)
        return NULL;
    rv_release(set->indices);
    set->indices = rv_retain(left);
    set->count = rest;
    return new_set;
}

rv_dataset *rv_data_split(rv_dataset *set, int64_t n)
{
    if (!rv_dataset_check(who, set))
        return NULL;
    rv_lock(&set->lock);
    rv_dataset *new_set = split(set, n);
    rv_unlock(&set->lock);
    return new_set;
}
