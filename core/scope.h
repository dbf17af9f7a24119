/* scope.h - who frees what.
 *
 * An operation returns a tensor that the innermost open scope owns. A scope ends with the block it
 * stands in, and releases what was made in it:
 *
 *     while (rv_next(batches, &b)) {
 *         RV_SCOPE;
 *         rv_tensor *loss = rv_cross_entropy(rv_forward(net, b.x), b.y);
 *         ...
 *     }                          // loss, and all that was made on the way to it, is gone here
 *
 * With no scope open, a thread's root scope owns; rv_finish(), or the thread's end, releases that.
 * Scopes belong to the thread that opened them.
 */
#ifndef RV_CORE_SCOPE_H
#define RV_CORE_SCOPE_H

#include "core/object.h"

RV_BEGIN_C

/* An open scope: how many scopes were open before it. */
typedef struct rv_scope {
    int64_t depth;
} rv_scope;

/* Opens a scope until the end of the enclosing block, however that is left (break, continue,
 * return). Build with -Wjump-misses-init to be warned of a goto past it. */
#define RV_SCOPE                                                    \
    RV_CLEANUP(rv_scope_end)                                        \
    __attribute__((unused)) rv_scope RV_JOIN(rv_scope_, __LINE__) = \
        rv_scope_begin(__FILE__ ":" RV_TEXT(__LINE__))

/* The same by hand. `name` is kept, not copied: it should be a literal (debug builds name the scope
 * whose tensor was used after its end). Ending a scope ends all that were opened after it; ending
 * one that has ended does nothing. Out of memory when opening is an error, and the scope that was
 * innermost goes on owning. */
RV_API rv_scope rv_scope_begin(const char *name);
RV_API void rv_scope_end(rv_scope *scope);

/* Hands `t` to the scope outside of the innermost one, and returns it: `return rv_keep(y);`. From
 * there that scope owns it, so each scope that a tensor is to leave says rv_keep itself; a second
 * call in the same scope changes nothing. In the root scope, or for NULL, it only returns it. */
RV_API rv_tensor *rv_keep(rv_tensor *t);

/* For tensors that must outlive every scope (a struct's field, say): rv_retain adds a reference and
 * returns t, rv_release drops one. NULL is ignored. */
RV_API rv_tensor *rv_retain(rv_tensor *t);
RV_API void rv_release(rv_tensor *t);

/* Ends the calling thread's scopes, the root scope included, and gives what is recycled back to the
 * system. The library can be used again afterwards. Called by itself when the process exits. */
RV_API void rv_finish(void);

/* For those who write operations: puts a new object with one reference into the innermost scope and
 * returns it; on out of memory releases it and returns NULL. */
RV_API rv_tensor *rv_scope_own(rv_tensor *t);

RV_END_C

#endif
