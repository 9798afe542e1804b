"""The shipped follower: its data, network, belief, policy and training."""
