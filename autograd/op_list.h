/* op_list.h - the one list of operations, a name a line, in the order of the headers ops_*.h.
 *
 * Every operation of those headers stands here: the tests make their table from this list, and fail
 * for one that it lacks. X(name) has a descriptor and a derivative of its own; COMPOSED(name) is
 * made of others, whose derivatives it has, and stands in no graph under its own name.
 */
#ifndef RV_AUTOGRAD_OP_LIST_H
#define RV_AUTOGRAD_OP_LIST_H

/* The families: each has a header ops_<family>.h, and a list here. */
#define RV_OPERATION_FAMILIES(X) \
    X(elementwise)               \
    X(reduce)                    \
    X(shape)                     \
    X(index)                     \
    X(linalg)                    \
    X(lapack)                    \
    X(conv)                      \
    X(pool)                      \
    X(norm)                      \
    X(network)                   \
    X(loss)

#define RV_OPERATIONS_ELEMENTWISE(X, COMPOSED) \
    X(add)                                     \
    X(sub)                                     \
    X(mul)                                     \
    X(div)                                     \
    X(pow)                                     \
    X(neg)                                     \
    X(sign)                                    \
    X(abs)                                     \
    X(square)                                  \
    X(reciprocal)                              \
    X(maximum)                                 \
    X(minimum)                                 \
    X(maximum_grad)                            \
    X(clamp)                                   \
    X(clamp_grad)                              \
    X(floor)                                   \
    X(ceil)                                    \
    X(trunc)                                   \
    X(round)                                   \
    X(exp)                                     \
    X(expm1)                                   \
    X(log)                                     \
    X(log1p)                                   \
    X(sqrt)                                    \
    X(rsqrt)                                   \
    X(sin)                                     \
    X(cos)                                     \
    X(atan)                                    \
    X(erf)                                     \
    X(tanh)                                    \
    X(tanh_grad)                               \
    X(sigmoid)                                 \
    X(sigmoid_grad)                            \
    X(log_sigmoid)                             \
    X(log_sigmoid_grad)                        \
    X(relu)                                    \
    X(relu_grad)                               \
    X(silu)                                    \
    X(silu_grad)                               \
    X(gelu)                                    \
    X(gelu_grad)                               \
    X(gelu_tanh)                               \
    X(gelu_tanh_grad)                          \
    X(leaky_relu)                              \
    X(leaky_relu_grad)                         \
    X(elu)                                     \
    X(elu_grad)                                \
    X(selu)                                    \
    X(selu_grad)                               \
    X(softplus)                                \
    X(softplus_grad)                           \
    X(hardtanh)                                \
    X(hardtanh_grad)                           \
    X(eq)                                      \
    X(ne)                                      \
    X(lt)                                      \
    X(le)                                      \
    X(gt)                                      \
    X(ge)                                      \
    X(logical_not)                             \
    X(logical_and)                             \
    X(logical_or)                              \
    X(logical_xor)                             \
    X(isnan)                                   \
    X(isinf)                                   \
    X(isfinite)                                \
    X(where)

#define RV_OPERATIONS_REDUCE(X, COMPOSED) \
    X(sum)                                \
    X(mean)                               \
    X(max)                                \
    X(min)                                \
    X(argmax)                             \
    X(argmin)                             \
    X(prod)                               \
    X(var)                                \
    X(std)                                \
    X(var_mean)                           \
    X(norm)                               \
    X(logsumexp)                          \
    X(any)                                \
    X(all)                                \
    X(count_nonzero)                      \
    X(cumsum)                             \
    X(cumprod)                            \
    X(linear_scan)                        \
    X(sort)                               \
    X(topk)                               \
    X(argsort)

#define RV_OPERATIONS_SHAPE(X, COMPOSED) \
    X(reshape)                           \
    COMPOSED(flatten)                    \
    COMPOSED(squeeze)                    \
    COMPOSED(unsqueeze)                  \
    X(permute)                           \
    COMPOSED(transpose)                  \
    X(expand)                            \
    COMPOSED(repeat)                     \
    COMPOSED(repeat_interleave)          \
    X(slice)                             \
    X(slice_grad)                        \
    COMPOSED(select)                     \
    X(pad)                               \
    X(pad_grad)                          \
    X(cat)                               \
    COMPOSED(stack)                      \
    X(split)                             \
    COMPOSED(chunk)                      \
    COMPOSED(unbind)                     \
    X(flip)                              \
    X(roll)                              \
    X(copy)                              \
    COMPOSED(contiguous)                 \
    X(cast)

#define RV_OPERATIONS_INDEX(X, COMPOSED) \
    X(gather)                            \
    X(gather_grad)                       \
    X(scatter_add)                       \
    COMPOSED(index_select)               \
    COMPOSED(index_add)                  \
    X(embedding)                         \
    X(one_hot)                           \
    COMPOSED(masked_fill)                \
    COMPOSED(masked_select)              \
    X(nonzero)                           \
    X(diagonal)                          \
    X(diag_embed)                        \
    COMPOSED(diag)                       \
    X(tril)                              \
    X(triu)

#define RV_OPERATIONS_LINALG(X, COMPOSED) \
    X(matmul)                             \
    COMPOSED(dot)                         \
    COMPOSED(outer)                       \
    COMPOSED(kron)                        \
    COMPOSED(trace)                       \
    COMPOSED(einsum)

#define RV_OPERATIONS_LAPACK(X, COMPOSED) \
    X(solve)                              \
    X(inverse)                            \
    X(det)                                \
    X(slogdet)                            \
    X(cholesky)                           \
    X(solve_triangular)                   \
    COMPOSED(cholesky_solve)              \
    X(eigh)                               \
    COMPOSED(eigvalsh)                    \
    X(svd)                                \
    COMPOSED(svdvals)                     \
    X(pinv)                               \
    COMPOSED(cond)                        \
    X(qr)                                 \
    COMPOSED(lstsq)

#define RV_OPERATIONS_CONV(X, COMPOSED) \
    X(conv2d)                           \
    X(conv2d_input_grad)                \
    X(conv2d_weight_grad)               \
    COMPOSED(conv1d)                    \
    COMPOSED(conv_transpose2d)          \
    COMPOSED(conv_transpose1d)          \
    X(unfold)                           \
    X(fold)

#define RV_OPERATIONS_POOL(X, COMPOSED) \
    X(max_pool2d)                       \
    X(max_pool2d_grad)                  \
    COMPOSED(max_pool1d)                \
    COMPOSED(max_pool2d_with_indices)   \
    X(avg_pool2d)                       \
    X(avg_pool2d_grad)                  \
    COMPOSED(avg_pool1d)                \
    COMPOSED(adaptive_avg_pool2d)       \
    X(interpolate)                      \
    X(interpolate_grad)

#define RV_OPERATIONS_NORM(X, COMPOSED) \
    X(batch_norm)                       \
    X(batch_norm_grad)                  \
    X(layer_norm)                       \
    X(layer_norm_grad)                  \
    COMPOSED(group_norm)                \
    COMPOSED(rms_norm)

#define RV_OPERATIONS_NETWORK(X, COMPOSED) \
    X(linear)                              \
    X(softmax)                             \
    X(softmax_grad)                        \
    X(log_softmax)                         \
    X(log_softmax_grad)                    \
    X(dropout)                             \
    COMPOSED(feature_dropout)              \
    COMPOSED(maxout)                       \
    COMPOSED(glu)                          \
    X(scaled_dot_product_attention)

#define RV_OPERATIONS_LOSS(X, COMPOSED) \
    X(cross_entropy)                    \
    X(cross_entropy_grad)               \
    COMPOSED(soft_cross_entropy)        \
    COMPOSED(nll)                       \
    COMPOSED(multi_margin)              \
    X(mse)                              \
    X(mse_grad)                         \
    X(l1)                               \
    X(l1_grad)                          \
    X(huber)                            \
    X(huber_grad)                       \
    COMPOSED(smooth_l1)                 \
    X(bce)                              \
    X(bce_grad)                         \
    X(bce_with_logits)                  \
    X(bce_with_logits_grad)             \
    COMPOSED(kl_div)                    \
    COMPOSED(cosine_similarity)

#define RV_OPERATION_LIST(X, COMPOSED)     \
    RV_OPERATIONS_ELEMENTWISE(X, COMPOSED) \
    RV_OPERATIONS_REDUCE(X, COMPOSED)      \
    RV_OPERATIONS_SHAPE(X, COMPOSED)       \
    RV_OPERATIONS_INDEX(X, COMPOSED)       \
    RV_OPERATIONS_LINALG(X, COMPOSED)      \
    RV_OPERATIONS_LAPACK(X, COMPOSED)      \
    RV_OPERATIONS_CONV(X, COMPOSED)        \
    RV_OPERATIONS_POOL(X, COMPOSED)        \
    RV_OPERATIONS_NORM(X, COMPOSED)        \
    RV_OPERATIONS_NETWORK(X, COMPOSED)     \
    RV_OPERATIONS_LOSS(X, COMPOSED)

#endif
