"""Parts of the study of stability and plasticity."""
