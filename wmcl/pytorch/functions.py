"""Functions of PyTorch by what they do to the places of numbers."""

NUMBER_BY_NUMBER = """
    add add_ sub sub_ rsub mul mul_ div div_ true_divide neg pow float_power square sqrt rsqrt exp expm1 log
    log1p log2 sin cos tan tanh tanh_ sigmoid sigmoid_ relu relu_ relu6 gelu silu mish elu elu_ selu celu
    leaky_relu leaky_relu_ softplus softsign hardtanh hardsigmoid hardswish logsigmoid prelu erf abs sign clamp
    clamp_ clamp_min clamp_max clip minimum maximum max min floor ceil round remainder fmod lerp addcmul addcdiv
    where masked_fill masked_fill_ isnan isfinite isinf nan_to_num eq ne lt le gt ge logical_and logical_or
    logical_not logical_xor bitwise_and bitwise_or bitwise_not __add__ __radd__ __iadd__ __sub__ __rsub__
    __isub__ __mul__ __rmul__ __imul__ __truediv__ __rtruediv__ __itruediv__ __neg__ __pow__ __rpow__ __abs__
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__ __invert__ __matmul__ __rmatmul__ dropout dropout1d
    feature_dropout alpha_dropout
"""
"""each number of the output comes from the numbers in its place"""

ALONG_AXES = """
    sum mean prod var std norm logsumexp amax amin softmax log_softmax cumsum cumprod normalize layer_norm
    group_norm instance_norm batch_norm rms_norm local_response_norm linear bilinear matmul bmm mm mv dot addmm
    baddbmm einsum tensordot conv1d conv2d conv3d conv_transpose1d conv_transpose2d pad avg_pool1d avg_pool2d
    max_pool1d max_pool2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d embedding
    multi_head_attention_forward scaled_dot_product_attention rnn_tanh rnn_relu lstm gru rnn_tanh_cell
    rnn_relu_cell lstm_cell gru_cell
"""
"""whole axes are summed, multiplied or convolved, the same for all numbers"""

REARRANGED = """
    cat concat stack hstack vstack chunk split unbind __iter__ transpose transpose_ swapaxes
    permute movedim t adjoint reshape view view_as reshape_as flatten ravel unflatten squeeze unsqueeze expand
    expand_as repeat broadcast_to tile flip roll narrow select diagonal diag_embed tril triu
    unfold contiguous clone detach to type type_as float double half bfloat16 cpu cuda requires_grad_ new_zeros
    new_ones new_full new_empty new_tensor zeros_like ones_like full_like empty_like zeros ones full arange
    linspace eye tensor as_tensor scalar_tensor
"""
"""numbers move to where shapes and arguments say"""

ASKED = """
    size dim ndimension numel nelement stride storage_offset is_floating_point is_complex is_contiguous
    get_device element_size __len__ __get__ __set__ __format__ __repr__ __hash__ __dir__ has_names is_cuda
    dim_order
"""
"""questions about shapes and types"""

REGULAR = frozenset(f"{NUMBER_BY_NUMBER} {ALONG_AXES} {REARRANGED} {ASKED}".split())
"""functions of which shapes alone say where each number of the output comes from"""

DRAWS = """
    rand randn rand_like randn_like randint randint_like randperm bernoulli bernoulli_ multinomial normal normal_
    uniform_ exponential_ random_ rrelu gumbel_softmax fractional_max_pool2d
"""
"""functions that draw random numbers"""

RANDOM = frozenset(f"{DRAWS}".split())
