"""How much memory and CPU each container of the cluster takes, and what its manifest asks for."""
