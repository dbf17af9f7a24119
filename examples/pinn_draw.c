#include "pinn.h"
bool pinn_draw_picture(const pinn_options *options, rv_tensor *u, rv_tensor *exact)
{
    (void)options; (void)u; (void)exact;
    return true;
}
