"""What the analyses have in common: the network, the way to run, and how a command line becomes a configuration."""
