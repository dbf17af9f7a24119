/* save.c - the states of objects become a file. */

#include "core/save.h"

#include "core/safetensors.h"
#include "core/state_list.h"

bool rv_save_n(const char *path, void *const *objects, int n)
{
    RV_SCOPE;
    if (rv_error_status() != RV_OK)
        return false;
    rv_state_list list;
    const bool ok = rv_state_list_make(&list, "save", objects, n) &&
                    rv_safetensors_save("save", path, (const char *const *)list.names, list.tensors,
                                        list.count);
    rv_state_list_free(&list);
    return ok;
}
