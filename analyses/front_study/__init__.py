"""Parts of the analysis of the stability-plasticity dilemma."""
