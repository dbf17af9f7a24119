/* modes.c - a whole model in one mode for a while.
 *
 * Each layer's mode is remembered, as parts of a model may have been put into another mode than the
 * rest.
 */
#include "models/modes.h"

#include "core/memory.h"

static int64_t count_layers(const rv_layer *layer)
{
    int64_t count = 1;
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        count += count_layers(rv_layer_child_at(layer, i));
    return count;
}

/* Writes the modes down from place `at` on; how many there are then. */
static int64_t note_modes(const rv_layer *layer, rv_modes *m, int64_t at)
{
    m->training[at++] = rv_layer_is_training(layer);
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        at = note_modes(rv_layer_child_at(layer, i), m, at);
    return at;
}

/* Sets a layer, with all that is in it, to its mode, then those in it that had another. */
static int64_t restore_modes(rv_layer *layer, const rv_modes *m, int64_t at)
{
    if (rv_layer_is_training(layer) != m->training[at])
        rv_layer_train(layer, m->training[at]);
    at++;
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        at = restore_modes(rv_layer_child_at(layer, i), m, at);
    return at;
}

bool rv_modes_begin(const char *who, rv_modes *modes, rv_layer *layer, bool training)
{
    modes->count = count_layers(layer);
    if (rv_error_status() != RV_OK) /* it is no layer */
        return false;
    modes->training = rv_memory_get(who, (size_t)modes->count * sizeof *modes->training);
    if (modes->training == NULL)
        return false;
    note_modes(layer, modes, 0);
    for (int64_t i = 0; i < modes->count; i++)
        if (modes->training[i] != training)
            return rv_layer_train(layer, training);
    return true;
}

void rv_modes_end(rv_modes *modes, rv_layer *layer)
{
    restore_modes(layer, modes, 0);
    rv_memory_put(modes->training, (size_t)modes->count * sizeof *modes->training);
}
