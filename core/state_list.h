/* state_list.h - the tensors of some objects, with the names that they have in a file. Private to
 * core/. */
#ifndef RV_CORE_STATE_LIST_H
#define RV_CORE_STATE_LIST_H

#include "core/tensor.h"

#define RV_STATE_PREFIX_BYTES 64

typedef struct rv_state_list {
    const char *who;
    void *const *objects; /* [object_count], the caller's */
    int object_count;
    int count, room;
    char **names;                       /* [count of room]: the first name of each tensor */
    rv_tensor **tensors;                /* [count of room], retained */
    char prefix[RV_STATE_PREFIX_BYTES]; /* of the object that is being walked */
} rv_state_list;

/* The state of n objects; false with an error under `who` if they have none. To be freed in either
 * case. */
bool rv_state_list_make(rv_state_list *list, const char *who, void *const *objects, int n);
void rv_state_list_free(rv_state_list *list);

/* Calls visit(context, name, tensor) with each name that a tensor of the list has in a file. */
bool rv_state_list_names(rv_state_list *list, rv_state_visit *visit, void *context);

/* Whether a name in a file belongs to an object that was not given. */
bool rv_state_list_is_foreign(const rv_state_list *list, const char *name);

#endif
