/* hook_list.h - the hooks of a node, as the walk sees them. Private to autograd/.
 *
 * A node points to a list that never changes: adding or removing a hook makes a new one, so that a
 * walk goes through the list it found, whatever a hook does to it meanwhile.
 */
#ifndef RV_AUTOGRAD_HOOK_LIST_H
#define RV_AUTOGRAD_HOOK_LIST_H

#include "autograd/hook.h"
#include "autograd/node.h"

/* Calls the hooks of output `output`, and puts what they return in place of *grad, which the walk
 * holds. False with an error under `who`. */
bool rv_hooks_run(const char *who, const rv_node *node, int output, rv_tensor **grad);

/* Where the gradient that rv_retain_grad asked for is kept; NULL if it did not. */
rv_tensor **rv_hooks_kept(const rv_node *node, int output);

/* Forgets that it is kept: the tensor that it was asked for is gone. */
void rv_hooks_keep_no_more(rv_node *node, int output);

#endif
