"""What leaves the house: messages, who may get one now, and the channels that carry them."""
