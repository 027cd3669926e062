"""Vectors of words can be learned together with a network.

A task that asks for them shows, as its first input feature, the number of the word, from 1 on, and 0 where there is no
word; the features after it are the vector of the word, as given. What is learned is a *change* of each vector, added to
it before anything else reads it:

    x_t = v_t + C[n_t - 1]  if n_t > 0,   x_t = v_t = 0  where a sentence is over.

C, called ``vector_changes``, starts at zero, so that vectors start as they are given. The gradient of C is that of the
vectors themselves, and so is every step of Adam: it is the same as training a table that starts from the given vectors.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import embedding, pad

CHANGES = "vector_changes"
"""name of the parameter of shape (member, word, feature)"""


def changed_vectors(
    inputs: Float[Tensor, "#member time sample one_more"], changes: Float[Tensor, "member word some_features"]
) -> Float[Tensor, "member time sample feature"]:
    """Add to the vectors of words what was learned of them; features after those of the vectors stay as they are.

    Args:
        inputs: numbers of words, and then their vectors; shared by all members if its member axis has size 1.
        changes: of each word.
    """
    members, words, features = changes.shape
    numbers, given = inputs[..., 0], inputs[..., 1:]
    own = torch.arange(members, device=inputs.device).view(-1, 1, 1) * words
    rows = (numbers.long() - 1).clamp(min=0) + own
    # where there is no word, row 0 is read, but multiplied by 0: it gets no gradient from there
    learned = embedding(rows, changes.flatten(0, 1)) * (numbers > 0)[..., None]
    return given + pad(learned, (0, given.shape[-1] - features))
