"""More than one machine: what engines that exist need to run Vultus's networks and its service."""
