/* object.c - counting references, and walking an object's state. */

#include "core/object.h"

#include "core/error.h"

void rv_object_init(rv_object *object, const rv_object_class *object_class)
{
    object->object_class = object_class;
    object->mark = RV_OBJECT_ALIVE;
    object->references = 1;
}

void rv_object_retain(rv_object *object)
{
    if (object != NULL)
        __atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
}

bool rv_object_drop(rv_object *object)
{
    /* Who holds the only reference needs no atomic subtraction: nobody else can add one. */
    if (__atomic_load_n(&object->references, __ATOMIC_ACQUIRE) == 1)
        return true;
    return __atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0;
}

void rv_object_release(rv_object *object)
{
    if (object != NULL && rv_object_drop(object))
        object->object_class->destroy(object);
}

bool rv_state(void *object, rv_state_visit *visit, void *context)
{
    rv_object *o = object;
    if (o == NULL || visit == NULL)
        return rv_fail(RV_ERROR_NULL, "state", "the object or the function is NULL");
    if (o->mark != RV_OBJECT_ALIVE)
        return rv_fail(RV_ERROR_ARGUMENT, "state", "this is not an object of Ravine's");
    if (o->object_class->state == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, "state", "a %s has no state to save",
                       o->object_class->kind);
    return o->object_class->state(o, visit, context);
}
