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

/* Whether `object` has a state to walk with `visit`; false with an error. */
static bool check_state(const rv_object *object, rv_state_visit *visit)
{
    if (object == NULL || visit == NULL)
        return rv_fail(RV_ERROR_NULL, "state", "the object or the function is NULL");
    if (object->mark != RV_OBJECT_ALIVE)
        return rv_fail(RV_ERROR_ARGUMENT, "state", "this is not an object of Ravine's");
    return object->object_class->state != NULL ||
           rv_fail(RV_ERROR_ARGUMENT, "state", "a %s has no state to save",
                   object->object_class->kind);
}

bool rv_state(void *object, rv_state_visit *visit, void *context)
{
    rv_object *o = object;
    return check_state(o, visit) && o->object_class->state(o, visit, context);
}

bool rv_state_names(void *object, rv_state_visit *visit, void *context)
{
    rv_object *o = object;
    if (!check_state(o, visit))
        return false;
    const rv_object_class *its = o->object_class;
    return its->names != NULL ? its->names(o, visit, context) : its->state(o, visit, context);
}
