"""How much each weight matters."""

from wmcl.importance.fisher import FisherKind, fisher_diagonal
from wmcl.importance.summary import CONNECTIONS, summarise

__all__ = ["CONNECTIONS", "FisherKind", "fisher_diagonal", "summarise"]
