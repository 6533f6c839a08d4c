"""What the modules of `hear_ssl` share: the HEAR functions, frame geometry, pooling and the networks."""
