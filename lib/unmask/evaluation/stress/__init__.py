"""What happens outside the laboratory: changed pictures, attacks, other fakes, other data.

Only `attacks` imports TensorFlow; everywhere else a network is a function from uint8
`[n, side, side, 3]` to float64 P(fake) `[n]`.
"""
