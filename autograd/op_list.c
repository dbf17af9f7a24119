/* op_list.c - the names of the operations, from their one list. */
#include "autograd/op.h"

const char *rv_op_name(int id)
{
    static const char *const names[RV_OP_COUNT] = {[RV_OP_ID_custom] = "custom",
#define NAME(name) [RV_OP_ID_##name] = #name,
                                                   RV_OPERATION_LIST(NAME, NAME)
#undef NAME
    };
    return id >= 0 && id < RV_OP_COUNT ? names[id] : NULL;
}
